# cython: cdivision=True
"""What a leaf of a classification or regression tree writes down: the sums of its rows and, if asked, who they are.

Sums are made in the order of the rows and in real numbers: splits are found in fixed point, values and impurities are
not.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset

from fastml._engine.runtime.tree_kernels cimport IMPURITY_POISSON, RECORDS_SMALL_WEIGHT, partition_rule
from fastml._engine.tree.cart_growth cimport row_weight
from fastml._engine.tree.cart_memory cimport fits

cdef extern from "<math.h>" nogil:
    double log(double x)


cdef double *add_sums(Growth *g, int64_t n_leaves) noexcept nogil:
    """Room for the sums of leaves, all 0; NULL: out of memory."""
    cdef int64_t size = n_leaves * g.sum_width
    cdef double *sums
    if not fits(<void **> &g.sums, &g.sum_room, g.n_sums + size, sizeof(double)):
        g.failed = True
        return NULL
    sums = g.sums + g.n_sums
    memset(sums, 0, size * sizeof(double))
    g.n_sums += size
    return sums


cdef void close_leaf(const CartSettings *s, Growth *g, const OpenNode *open) noexcept nogil:
    """Adds the sums of a leaf's rows to those of the leaves before it. The totals are those of the leaf."""
    cdef int64_t i
    cdef uint8_t one_side = 0
    cdef double *sums = add_sums(g, 1)
    if sums == NULL:
        return
    g.nodes[open.node].sums = g.n_sums - g.sum_width
    if s.params.layout.small:
        for i in range(g.sum_width):
            sums[i] = <double> g.totals[i]
    else:
        sum_rows(s, g, open, &one_side, 0, sums)
    if s.places != NULL:
        for i in range(open.n):
            s.places[row_of(s, open.rows + i * s.params.layout.stride)] = open.node


cdef int64_t close_leaves(const CartSettings *s, Growth *g, const OpenNode *open, const partition_rule *rule,
                          int32_t left) noexcept nogil:
    """The same for both children of a node, left and left + 1, from the rows of the node in their order; returns how
    many go left, or -1: out of memory."""
    cdef int64_t i, n_right, width = g.sum_width
    cdef uint8_t *side = <uint8_t *> g.space.order
    cdef double *sums = add_sums(g, 2)
    if sums == NULL:
        return -1
    g.nodes[left].sums, g.nodes[left + 1].sums = g.n_sums - 2 * width, g.n_sums - width
    n_right = find_sides(s, open, rule, side)
    sum_rows(s, g, open, side, 1, sums)
    if s.places != NULL and open.n == s.n_rows:
        for i in range(open.n):
            s.places[i] = left + side[i]
    elif s.places != NULL:
        for i in range(open.n):
            s.places[row_of(s, open.rows + i * s.params.layout.stride)] = left + side[i]
    return open.n - n_right


cdef int64_t find_sides(const CartSettings *s, const OpenNode *open, const partition_rule *rule,
                        uint8_t *side) noexcept nogil:
    """side[i] = 1 where row i of the node goes right; returns how many do."""
    cdef int64_t i, n_right = 0, stride = s.params.layout.stride
    cdef const uint8_t *codes = side
    cdef uint8_t bias = rule.bias, limit = <uint8_t> (rule.code - rule.bias)
    if open.n == s.n_rows and not open.recoded:
        codes = s.columns + open.feature * s.column_stride
    else:
        for i in range(open.n):
            side[i] = code_of(s, open.rows + i * stride, open.feature)
    if rule.set == NULL:
        for i in range(open.n):
            side[i] = <uint8_t> (codes[i] - bias) > limit
            n_right += side[i]
    else:
        for i in range(open.n):
            side[i] = 1 - (rule.set[codes[i] >> 3] >> (codes[i] & 7) & 1)
            n_right += side[i]
    return n_right


cdef inline int64_t row_of(const CartSettings *s, const uint8_t *record) noexcept nogil:
    return (<const uint32_t *> (record + s.params.layout.row))[0]


cdef void sum_rows(const CartSettings *s, const Growth *g, const OpenNode *open, const uint8_t *side, int64_t step,
                   double *sums) noexcept nogil:
    """Adds row i of a node to the sums of leaf side[i * step], the first or the second."""
    cdef int64_t i, width = g.sum_width, stride = s.params.layout.stride, payload = s.params.layout.payload
    cdef const uint8_t *record = open.rows
    cdef double *own
    cdef uint32_t word
    cdef bint as_given = (s.is_classification and s.n_draws < 0 and s.weights != NULL and not s.balance
                          and s.params.n_outputs == 1)
    if s.params.layout.small:
        for i in range(open.n):
            word = (<const uint32_t *> (record + payload))[0]
            sums[(-<int64_t> side[i * step] & width) + (word >> 24)] += word & RECORDS_SMALL_WEIGHT
            record = record + stride
    elif as_given and width == 2:
        sum_two_classes(s, open, side, step, sums)
    elif as_given:
        for i in range(open.n):
            own = sums + (-<int64_t> side[i * step] & width)
            own[(<const int64_t *> (record + payload))[0]] += s.weights[row_of(s, record)]
            record = record + stride
    else:
        for i in range(open.n):
            own = sums + (-<int64_t> side[i * step] & width)
            if s.is_classification:
                add_classes(s, g, row_of(s, record), own)
            else:
                add_numbers(s, g, row_of(s, record), own)
            record = record + stride


cdef void sum_two_classes(const CartSettings *s, const OpenNode *open, const uint8_t *side, int64_t step,
                          double *sums) noexcept nogil:
    """The weights as they were given, in registers; to add nothing to a sum leaves it as it is."""
    cdef int64_t i, stride = s.params.layout.stride, payload = s.params.layout.payload
    cdef const uint8_t *record = open.rows
    cdef double w, second, w_right, second_right, left_0 = 0.0, left_1 = 0.0, right_0 = 0.0, right_1 = 0.0
    for i in range(open.n):
        w = s.weights[row_of(s, record)]
        second = w * <double> (<const int64_t *> (record + payload))[0]
        w_right, second_right = w * side[i * step], second * side[i * step]
        left_0 += (w - second) - (w_right - second_right)
        left_1 += second - second_right
        right_0 += w_right - second_right
        right_1 += second_right
        record = record + stride
    sums[0], sums[1] = left_0, left_1
    if step:
        sums[2], sums[3] = right_0, right_1


cdef inline void add_classes(const CartSettings *s, const Growth *g, int64_t row, double *sums) noexcept nogil:
    cdef int64_t o, n_outputs = s.params.n_outputs
    cdef double w = row_weight(s, g.sample, row)
    for o in range(n_outputs):
        sums[s.params.first[o] + s.classes[row * n_outputs + o]] += w


cdef inline void add_numbers(const CartSettings *s, const Growth *g, int64_t row, double *sums) noexcept nogil:
    """To the sum of the weights; by output to that of the targets, then to that of what the impurity asks for."""
    cdef int64_t o, n_outputs = s.params.n_outputs
    cdef double x, w = row_weight(s, g.sample, row)
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
