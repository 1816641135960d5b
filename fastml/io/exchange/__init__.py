"""Trees of other libraries: their formats, read into one form, and laid out for the tree engine."""
