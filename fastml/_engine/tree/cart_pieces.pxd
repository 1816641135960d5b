"""Trees that several threads grow together, in pieces."""

from libc.stdint cimport int32_t, int64_t

from fastml._engine.tree.cart_growth cimport CartSettings, Growth, OpenNode, Sample


cdef extern from *:
    """
    #if defined(_MSC_VER) && !defined(__clang__)
    #include <intrin.h>
    static int64_t fastml_take_next(int64_t *at) { return _InterlockedExchangeAdd64(at, 1); }
    #else
    static int64_t fastml_take_next(int64_t *at) { return __atomic_fetch_add(at, 1, __ATOMIC_RELAXED); }
    #endif
    """
    int64_t take_next "fastml_take_next"(int64_t *at) noexcept nogil


cdef struct Piece:             # a node that was split on its own, or a node with all that is below it
    int64_t tree               # its number among those that grow together
    const Sample *sample
    OpenNode root
    int64_t left, right        # pieces of the children; -1: there is nothing below
    const Growth *grown        # who has its nodes; NULL: nobody yet
    int64_t first, n_nodes     # in grown.nodes
    int64_t n_sets
    int64_t all_nodes, all_sets  # with those of the pieces below
    int64_t node_at, set_at    # places in the finished tree


cdef struct Pieces:            # of all trees that grow together
    Piece *records             # the roots, then children after their parents
    int64_t n, room
    OpenNode *children         # of the pieces that are split now
    int64_t child_room
    int64_t *queue             # pieces to be grown to their leaves, largest first
    int64_t n_queue, queue_room, next
    int64_t large              # rows above which a node is split on its own


cdef bint add_piece(Pieces *pieces, int64_t tree, const Sample *sample, const OpenNode *root) noexcept nogil
cdef bint is_large(const Pieces *pieces, int64_t at) noexcept nogil
cdef bint make_room(Pieces *pieces, int64_t n_split) noexcept nogil
cdef void split_piece(const CartSettings *s, Growth *g, Piece *piece, OpenNode *children) noexcept nogil
cdef bint add_children(Pieces *pieces, int64_t first, int64_t last) noexcept nogil
cdef bint fill_queue(Pieces *pieces) noexcept nogil
cdef void grow_queue(const CartSettings *s, Growth *g, Pieces *pieces, int64_t budget) noexcept nogil
cdef void place_pieces(Pieces *pieces) noexcept nogil
cdef void free_pieces(Pieces *pieces) noexcept nogil
