"""Holds ``K``, the table of the tree engine's kernels in use; ``kernels`` sets it."""
