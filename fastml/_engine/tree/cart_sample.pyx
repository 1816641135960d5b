# cython: cdivision=True
"""The rows that one classification or regression tree is grown from: drawn, weighed, laid out as records."""

from libc.math cimport ceil, floor, ldexp, log2
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastml._engine.runtime.tree_kernels cimport K, RECORDS_SLACK
from fastml._engine.tree.cart_growth cimport row_weight


cdef bint allocate_sample(const CartSettings *s, Sample *sample) noexcept nogil:
    """Memory for the rows of one tree; False when there is not enough of it."""
    cdef int64_t n = s.n_rows
    cdef int64_t bytes = (n + 1) * s.params.layout.stride + RECORDS_SLACK
    memset(sample, 0, sizeof(Sample))
    sample.first_rows = <uint8_t *> malloc(bytes)
    sample.other_rows = <uint8_t *> malloc(bytes)
    sample.row_weights = <uint32_t *> malloc(n * sizeof(uint32_t))
    sample.counts = <uint32_t *> malloc(n * sizeof(uint32_t))
    sample.factors = <double *> malloc(s.params.n_channels * sizeof(double))
    return (sample.first_rows != NULL and sample.other_rows != NULL and sample.row_weights != NULL
            and sample.counts != NULL and sample.factors != NULL)


cdef void free_sample(Sample *sample) noexcept nogil:
    free(sample.first_rows)
    free(sample.other_rows)
    free(sample.row_weights)
    free(sample.counts)
    free(sample.factors)


cdef void draw_sample(const CartSettings *s, RowLottery lottery, uint64_t seed, Sample *sample) noexcept nogil:
    """Draws a tree's rows and makes their records."""
    cdef int64_t total
    cdef uint32_t most
    sample.params, sample.seed = s.params, seed
    sample.weight_scale = 1.0
    if s.n_draws >= 0:
        lottery.draw(seed, s.n_draws, sample.counts)
    if s.balance:
        balance_sample(s, sample)
    if s.whole:
        total = take_whole_weights(s, sample, &most)
    else:
        total = round_weights(s, sample, &most)
    sample.total_weight = <double> total / sample.weight_scale
    sample.params.unit_weights = most <= 1
    sample.params.min_rows = s.min_rows
    sample.params.min_weight = max(<int64_t> 1, <int64_t> ceil(s.min_weight_leaf * sample.weight_scale * (1 - 1e-12)))
    if most <= 1:  # then rows are weight, which every search knows
        sample.params.min_weight = max(sample.params.min_weight, sample.params.min_rows)
        sample.params.min_rows = 1
    sample.n = K.records_fill(s.params.layout, sample.row_weights, s.classes if s.params.n_outputs == 1 else NULL, 0,
                              s.n_rows, sample.first_rows)


cdef void balance_sample(const CartSettings *s, Sample *sample) noexcept nogil:
    """Factors by class, total / (present classes * own weight), of each output on its own."""
    cdef int64_t i, o, c, present
    cdef double total = 0, w
    for c in range(s.params.n_channels):
        sample.factors[c] = 0
    for i in range(s.n_rows):
        w = sample.counts[i] if s.n_draws >= 0 else s.weights[i] if s.weights != NULL else 1.0
        total += w
        for o in range(s.params.n_outputs):
            sample.factors[s.params.first[o] + s.classes[i * s.params.n_outputs + o]] += w
    for o in range(s.params.n_outputs):
        present = 0
        for c in range(s.params.first[o], s.params.first[o + 1]):
            present += sample.factors[c] > 0
        for c in range(s.params.first[o], s.params.first[o + 1]):
            if sample.factors[c] > 0:
                sample.factors[c] = total / (present * sample.factors[c])


cdef int64_t take_whole_weights(const CartSettings *s, Sample *sample, uint32_t *most) noexcept nogil:
    """Weights that are whole numbers, as they are; returns their sum. most: the greatest."""
    cdef int64_t i, total = 0
    cdef uint32_t w, greatest = 0
    if s.n_draws < 0 and s.weights == NULL:
        for i in range(s.n_rows):
            sample.row_weights[i] = 1
        most[0] = 1
        return s.n_rows
    for i in range(s.n_rows):
        w = sample.counts[i] if s.n_draws >= 0 else <uint32_t> s.weights[i]
        sample.row_weights[i] = w
        total += w
        greatest = max(greatest, w)
    most[0] = greatest
    return total


cdef int64_t round_weights(const CartSettings *s, Sample *sample, uint32_t *most) noexcept nogil:
    """The weights in fixed point, and their sum; sets the scale. most: the greatest."""
    cdef int64_t i, total = 0
    cdef int32_t w, greatest = 0
    cdef double own, scaled, scale, exact = 0.0
    if s.n_draws < 0 and not s.balance:
        sample.weight_scale = scale_of(s.total_weight)
        return K.row_weights_round(s.weights, s.n_rows, sample.weight_scale, sample.row_weights, most)
    for i in range(s.n_rows):
        exact += row_weight(s, sample, i)
    sample.weight_scale = scale = scale_of(exact)
    for i in range(s.n_rows):
        # rounded, halves down, which takes no function; what has a weight is seen, however little that is
        own = row_weight(s, sample, i)
        scaled = own * scale
        w = <int32_t> (scaled + 0.5)
        w -= <double> w - 0.5 == scaled
        w += w == 0 and own > 0
        sample.row_weights[i] = <uint32_t> w
        total += w
        greatest = max(greatest, w)
    most[0] = <uint32_t> greatest
    return total


cdef double scale_of(double total) noexcept nogil:
    return ldexp(1.0, FRACTION_BITS - 1 - <int> floor(log2(total)))
