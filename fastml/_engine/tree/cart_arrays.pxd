from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t

from fastml._engine.tree.cart_growth cimport CartSettings
from fastml._engine.tree.cart_pieces cimport Piece, Pieces


cdef struct CartArrays:        # a finished tree, one block of memory
    void *memory               # NULL: not there
    int64_t n_nodes, n_sets
    double *threshold
    double *weight
    double *impurity
    double *value              # (n_nodes, n_channels)
    int32_t *left
    int32_t *right
    int32_t *feature
    int32_t *category_set
    int32_t *count
    uint16_t *rank
    uint8_t *code
    uint8_t *missing_left
    uint8_t *category_sets     # (n_sets, 32)


cdef bint allocate_arrays(const CartSettings *s, int64_t n_nodes, int64_t n_sets, CartArrays *arrays) noexcept nogil
cdef bint lay_out(const CartSettings *s, const Piece *piece, CartArrays *arrays, double *sums) noexcept nogil
cdef void join_pieces(const CartSettings *s, const Pieces *pieces, CartArrays *arrays, double *sums) noexcept nogil
cdef dict tree_dict(CartArrays *arrays, int64_t n_channels)
