"""Memory of a thread that grows classification and regression trees."""

from libc.stdint cimport int64_t
from libc.stdlib cimport realloc

from fastml._engine.tree.cart_growth cimport CartSettings, Growth


cdef bint allocate_growth(const CartSettings *s, Growth *g) noexcept nogil
cdef void free_growth(Growth *g) noexcept nogil


cdef inline bint fits(void **memory, int64_t *room, int64_t wanted, size_t size) noexcept nogil:
    """Makes room for so many entries."""
    cdef void *grown
    if wanted <= room[0]:
        return True
    wanted = max(wanted, 2 * room[0], <int64_t> 64)
    grown = realloc(memory[0], wanted * size)
    if grown == NULL:
        return False
    memory[0] = grown
    room[0] = wanted
    return True
