"""Ctrl-C during long work."""

from cpython.exc cimport PyErr_CheckSignals


cpdef int check() except -1:
    """Run the pending signal handlers; call it with the GIL, between trees or blocks.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C was pressed (or whatever else a signal handler of the program raises). Only the main thread
        runs signal handlers; elsewhere the call does nothing.
    """
    return PyErr_CheckSignals()
