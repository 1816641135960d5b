"""The only border with C and the machine: kernel table, threads, interrupts, configuration."""

from fastml._engine.runtime.wait import short_waits

with short_waits():
    from fastml._engine.runtime import openmp  # noqa: F401 (loads the OpenMP runtime)

# chooses the kernels: before any module that calls one
from fastml._engine.runtime import kernels  # noqa: F401
