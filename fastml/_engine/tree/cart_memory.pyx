"""Memory of a thread that grows classification and regression trees."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastml._engine.runtime.tree_kernels cimport (
    IMPURITY_ABSOLUTE_ERROR, IMPURITY_FEW, IMPURITY_FILLED, IMPURITY_MOST_SLOTS, IMPURITY_SLOTS,
)


cdef bint allocate_growth(const CartSettings *s, Growth *g) noexcept nogil:
    """Memory of one thread, whatever trees it works at; False when there is not enough of it."""
    cdef int64_t n = s.n_rows, channels = s.params.n_channels
    memset(g, 0, sizeof(Growth))
    g.job = -1
    g.sum_width = channels if s.is_classification else 1 + 2 * channels
    g.gathered = <uint8_t *> malloc(1 if s.params.layout.n_codes else n * IMPURITY_MOST_SLOTS)
    g.order = <int32_t *> malloc(2 * s.n_features * sizeof(int32_t))
    g.totals = <int64_t *> malloc(channels * sizeof(int64_t))
    g.space.cells = <int64_t *> malloc((2 * 256 * IMPURITY_SLOTS + 256) * sizeof(int64_t))
    g.space.places = <uint8_t *> malloc(IMPURITY_FEW * IMPURITY_SLOTS)
    g.space.order = <uint32_t *> malloc(2 * n * sizeof(uint32_t))
    g.space.left = <int64_t *> malloc(2 * channels * sizeof(int64_t))
    g.space.groups = <int64_t *> malloc(256 * (channels + 2) * sizeof(int64_t))
    g.space.scores = <double *> malloc((256 + 3) * channels * sizeof(double))
    g.space.fenwick = <int64_t *> malloc(
        ((8 * n + 16) if s.params.criterion == IMPURITY_ABSOLUTE_ERROR else 1) * sizeof(int64_t))
    if (g.gathered == NULL or g.order == NULL or g.totals == NULL or g.space.cells == NULL or g.space.places == NULL
            or g.space.order == NULL or g.space.left == NULL or g.space.groups == NULL or g.space.scores == NULL
            or g.space.fenwick == NULL):
        return False
    g.drawn = g.order + s.n_features
    cdef int32_t f
    for f in range(s.n_features):
        g.order[f] = f
    return s.wide.n_features == 0 or allocate_codes(s, g)


cdef bint allocate_codes(const CartSettings *s, Growth *g) noexcept nogil:
    """What nodes with codes of their own need besides; of features that keep theirs, the tables of all nodes."""
    cdef int64_t n = s.n_features
    g.rank_of = <uint16_t *> malloc(s.wide.n_features * 256 * sizeof(uint16_t))
    g.n_codes = <int32_t *> malloc(n * sizeof(int32_t))
    if g.rank_of == NULL or g.n_codes == NULL:
        return False
    memcpy(g.n_codes, s.n_codes, n * sizeof(int32_t))
    if not s.params.random:
        return True
    g.lower = <double *> malloc(n * (2 * 256 + IMPURITY_FILLED) * sizeof(double))
    if g.lower == NULL:
        return False
    g.upper = g.lower + 256 * n
    g.filled = g.upper + 256 * n
    memcpy(g.lower, s.lower, 256 * n * sizeof(double))
    memcpy(g.upper, s.upper, 256 * n * sizeof(double))
    memcpy(g.filled, s.filled, IMPURITY_FILLED * n * sizeof(double))
    return True


cdef void free_growth(Growth *g) noexcept nogil:
    free(g.gathered)
    free(g.order)
    free(g.totals)
    free(g.space.cells)
    free(g.space.places)
    free(g.space.order)
    free(g.space.left)
    free(g.space.groups)
    free(g.space.scores)
    free(g.space.fenwick)
    free(g.rank_of)
    free(g.n_codes)
    free(g.lower)
    free(g.nodes)
    free(g.open)
    free(g.sums)
    free(g.medians)
    free(g.sets)
    memset(g, 0, sizeof(Growth))
