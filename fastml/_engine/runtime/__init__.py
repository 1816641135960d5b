"""The only border with C and the machine: kernel table, threads, interrupts, configuration."""

# chooses the kernels: before any module that calls one
from fastml._engine.runtime import kernels  # noqa: F401
