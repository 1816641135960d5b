"""The private engines: where the work is done."""
