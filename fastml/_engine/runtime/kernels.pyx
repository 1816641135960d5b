"""Tables of the C kernels: which instruction sets this machine runs, and which one is in use.

The choice is made once, at import: the best that the processor and the operating system support, or the one
named by the environment variable ``FASTML_CPU``.
"""

import os

from fastml._engine.runtime cimport dense_kernels, tree_kernels
from fastml._engine.runtime.dense_kernels cimport fastml_dense_kernels
from fastml._engine.runtime.tree_kernels cimport fastml_tree_kernels

cdef extern from "status.h":
    ctypedef enum fastml_status:
        FASTML_OK
        FASTML_UNKNOWN_ISA
        FASTML_UNSUPPORTED_ISA

cdef extern from "dispatch.h":
    ctypedef struct fastml_kernels:
        const char *name
        const fastml_tree_kernels *tree
        const fastml_dense_kernels *dense

    const char *const *fastml_isa_names
    const fastml_kernels *fastml_find_kernels(const char *name, fastml_status *status)


cdef const fastml_kernels *_in_use = NULL


def known():
    """Names of all instruction sets of the library, best first, whether this machine runs them or not."""
    names = []
    cdef int i = 0
    while fastml_isa_names[i] != NULL:
        names.append(fastml_isa_names[i].decode("ascii"))
        i += 1
    return names


def available():
    """Names of the instruction sets that this build has and this machine runs, best first.

    Returns
    -------
    list of str
        Always ends with ``"serial"``.
    """
    cdef fastml_status status
    names = []
    for name in known():
        if fastml_find_kernels(name.encode("ascii"), &status) != NULL:
            names.append(name)
    return names


def selected():
    """Name of the instruction set in use."""
    return _in_use.name.decode("ascii")


def select(name):
    """Use the kernels of another instruction set from now on, in the whole process.

    For tests and benchmarks only: not to be called while another thread is inside the library.

    Parameters
    ----------
    name : str
        One of ``available()``.

    Raises
    ------
    ValueError
        If the name is unknown, or this machine cannot run that instruction set.
    """
    _use(name, "name")


cdef void _set(const fastml_kernels *tables) noexcept:
    global _in_use
    _in_use = tables
    tree_kernels.K = tables.tree
    dense_kernels.D = tables.dense


cdef int _use(name, source) except -1:
    cdef fastml_status status = FASTML_UNKNOWN_ISA
    cdef const fastml_kernels *table = NULL
    encoded = str(name).encode("utf-8")
    table = fastml_find_kernels(encoded, &status)
    if table == NULL:
        if status == FASTML_UNKNOWN_ISA:
            reason = "is not an instruction set of fastml"
        else:
            reason = "is not supported by this processor, operating system or build"
        raise ValueError(f"{source}={name!r} {reason}; valid here: {', '.join(available())}")
    _set(table)
    return 0


cdef int _use_best() except -1:
    cdef fastml_status status
    _set(fastml_find_kernels(NULL, &status))
    return 0


_use_best()
_wanted = os.environ.get("FASTML_CPU")
if _wanted:
    _use(_wanted, "FASTML_CPU")
del _wanted
