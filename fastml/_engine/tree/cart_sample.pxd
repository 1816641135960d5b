"""The rows that one classification or regression tree is grown from."""

from libc.stdint cimport uint64_t

from fastml._engine.tree.bootstrap cimport RowLottery
from fastml._engine.tree.cart_growth cimport CartSettings, Sample

cdef enum:
    FRACTION_BITS = 28    # the sum of weights that are not whole numbers, in fixed point


cdef bint allocate_sample(const CartSettings *s, Sample *sample) noexcept nogil
cdef void draw_sample(const CartSettings *s, RowLottery lottery, uint64_t seed, Sample *sample) noexcept nogil
cdef void free_sample(Sample *sample) noexcept nogil
