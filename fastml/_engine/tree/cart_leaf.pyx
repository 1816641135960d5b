# cython: cdivision=True
"""What a leaf of a classification or regression tree writes down: the sums of its rows and, if asked, who they are.

Sums are made in the order of the rows and in real numbers: splits are found in fixed point, values and impurities are
not.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset

from fastml._engine.runtime.tree_kernels cimport IMPURITY_POISSON, K
from fastml._engine.tree.cart_growth cimport row_weight
from fastml._engine.tree.cart_memory cimport fits

cdef extern from "<math.h>" nogil:
    double log(double x)


cdef void close_leaf(const CartSettings *s, Growth *g, const OpenNode *open) noexcept nogil:
    """Adds the sums of a leaf's rows to those of the leaves before it."""
    cdef int64_t i, width = g.sum_width
    cdef double *sums
    if not fits(<void **> &g.sums, &g.sum_room, g.n_sums + width, sizeof(double)):
        g.failed = True
        return
    g.nodes[open.node].sums = g.n_sums
    sums = g.sums + g.n_sums
    g.n_sums += width
    memset(sums, 0, width * sizeof(double))
    if s.params.layout.small:
        K.impurity_totals(&g.sample.params, open.rows, open.n, g.totals)
        for i in range(width):
            sums[i] = <double> g.totals[i]
    elif s.is_classification and s.n_draws < 0 and s.weights != NULL and not s.balance and s.params.n_outputs == 1:
        sum_weights(s, open, sums)
    elif s.is_classification:
        sum_classes(s, g, open, sums)
    else:
        sum_numbers(s, g, open, sums)
    if s.places != NULL:
        for i in range(open.n):
            s.places[row_of(s, open.rows + i * s.params.layout.stride)] = open.node


cdef inline int64_t row_of(const CartSettings *s, const uint8_t *record) noexcept nogil:
    return (<const uint32_t *> (record + s.params.layout.row))[0]


cdef void sum_weights(const CartSettings *s, const OpenNode *open, double *sums) noexcept nogil:
    """The weights of the classes of one output, as they were given."""
    cdef int64_t _i, stride = s.params.layout.stride, payload = s.params.layout.payload
    cdef const uint8_t *record = open.rows
    cdef double w, part, first = 0.0, second = 0.0
    if s.params.n_channels != 2:
        for _i in range(open.n):
            sums[(<const int64_t *> (record + payload))[0]] += s.weights[row_of(s, record)]
            record = record + stride
        return
    # two sums in registers; to add nothing to one of them leaves it as it is
    for _i in range(open.n):
        w = s.weights[row_of(s, record)]
        part = w * <double> (<const int64_t *> (record + payload))[0]
        first += w - part
        second += part
        record = record + stride
    sums[0], sums[1] = first, second


cdef void sum_classes(const CartSettings *s, const Growth *g, const OpenNode *open, double *sums) noexcept nogil:
    cdef int64_t i, o, row, n_outputs = s.params.n_outputs
    cdef double w
    for i in range(open.n):
        row = row_of(s, open.rows + i * s.params.layout.stride)
        w = row_weight(s, g.sample, row)
        for o in range(n_outputs):
            sums[s.params.first[o] + s.classes[row * n_outputs + o]] += w


cdef void sum_numbers(const CartSettings *s, const Growth *g, const OpenNode *open, double *sums) noexcept nogil:
    """Of the weights; by output of the targets, then of what the impurity asks for."""
    cdef int64_t i, o, row, n_outputs = s.params.n_outputs
    cdef double w, x
    for i in range(open.n):
        row = row_of(s, open.rows + i * s.params.layout.stride)
        w = row_weight(s, g.sample, row)
        sums[0] += w
        for o in range(n_outputs):
            x = s.numbers[row * n_outputs + o]
            sums[1 + o] += w * x
            if s.params.criterion == IMPURITY_POISSON:
                sums[1 + n_outputs + o] += w * x_log(x)
            else:
                sums[1 + n_outputs + o] += w * (x - s.centre) * (x - s.centre)


cdef inline double x_log(double x) noexcept nogil:
    return x * log(x) if x > 0 else 0.0
