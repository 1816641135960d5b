from fastml._engine.runtime.tree_kernels cimport records_layout
from fastml._engine.tree.binned cimport BinnedMatrix

cdef enum:
    WIDE = 64    # features above which records hold no codes


cdef class RecordLayout:
    cdef records_layout layout
    cdef readonly BinnedMatrix binned
