"""Holds ``D``, the table of the dense engine's kernels in use; ``kernels`` sets it."""
