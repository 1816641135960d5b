"""Prediction of single rows: what all forms of trees have in common."""


cdef class RowPredictor:
    cdef readonly Py_ssize_t n_features
    cdef Py_ssize_t n_outputs         # columns of what `one` writes
    cdef Py_ssize_t room_size         # bytes of work space that `one` needs
    cdef object many, finish
    cdef void **free_rooms
    cdef Py_ssize_t n_free, n_rooms

    cdef void *take_room(self) except NULL
    cdef void give_back(self, void *room) noexcept
    # Raw prediction of the row whose values lie at row, row + stride, ...; called from many threads at once.
    cdef void one(self, const char *row, Py_ssize_t stride, bint is_f32, void *room, double *out) noexcept nogil
