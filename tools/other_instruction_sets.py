"""Print the instruction sets that this machine runs besides the one in use, for a loop in the Makefile."""

from fastml._engine.runtime import kernels

print(" ".join(name for name in kernels.available() if name != kernels.selected()))
