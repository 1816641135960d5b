"""The growth of one classification or regression tree: what threads share, and what each has to itself."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastml._engine.runtime.tree_kernels cimport (
    impurity_node, impurity_params, impurity_space, impurity_split, recode_ranks,
)


cdef struct CartSettings:      # of all trees
    impurity_params params     # but for what depends on the tree's weights
    const uint8_t *columns
    int64_t column_stride
    int64_t n_rows
    int32_t n_features
    int32_t max_features
    const int32_t *n_codes     # by feature
    const uint8_t *categorical
    const uint8_t *missing
    const int8_t *monotone     # by feature; NULL: none
    const double *lower
    const double *upper
    const double *filled
    recode_ranks wide          # of no features: small nodes keep the codes of the table
    uint64_t all_wide          # a bit for each of them
    const int32_t *wide_slot   # by feature: its place among the wide ones, or -1
    const int64_t *rank_first  # by wide feature: where its values begin
    const double *rank_lower
    const double *rank_upper
    int32_t prime              # the least prime number from n_features on
    int32_t max_depth
    int64_t max_leaves         # 0: to purity, depth first
    int64_t min_split, min_rows
    double min_weight_leaf     # in the units of the weights
    double min_decrease
    bint best_first, is_classification, balance
    # targets and weights
    const int64_t *classes     # row-major (n_rows, n_outputs); class, or number in fixed point
    const double *numbers      # the same as real numbers; NULL: classification
    const double *weights      # NULL: all 1
    double total_weight        # their sum
    bint whole                 # weights are whole numbers, taken as they are
    double centre              # of fixed point: number = centre + fixed / number_scale
    double number_scale
    int64_t n_draws            # -1: every row once
    int32_t *places            # leaf of each row, written by the thread that grows the tree; NULL: not wanted


cdef struct CartNode:
    int32_t left, right        # -1 in a leaf
    int32_t feature            # -1 in a leaf
    int32_t category_set
    int32_t count
    uint8_t code, missing_left
    uint16_t rank              # last rank of all that goes left, where the split is between ranks; else 0
    double threshold
    double low, high           # bounds of the value
    int64_t sums               # leaf: its first number in the sums of leaves; -1 in an inner node


cdef struct OpenNode:          # a node whose split is still to be searched, or (best first) made
    uint8_t *rows              # n records
    uint8_t *spare             # room for n records
    int64_t n
    int32_t parent             # -1: none
    int32_t side
    int32_t depth
    int32_t node
    uint64_t path              # hash of the way from the root: seeds what is random in this node
    int64_t weight, sum
    double low, high
    impurity_split split
    int32_t feature            # of the split
    uint64_t recoded           # bit j: its records have codes of their own of wide feature j
    int64_t tried              # rows of the node above, or of this one, where that was tried last
    double priority


cdef struct Sample:            # the rows of one tree, and what hangs on them
    impurity_params params
    int64_t n                  # records in first_rows
    uint8_t *first_rows
    uint8_t *other_rows
    uint32_t *row_weights      # by row, fixed point
    uint32_t *counts           # by row, how often it was drawn
    double *factors            # balanced weight by class, all outputs
    double weight_scale
    double total_weight        # of the tree, in the units of the weights
    uint64_t seed


cdef struct Growth:            # of one thread
    const Sample *sample
    impurity_space space
    impurity_node view
    uint8_t *gathered          # codes of IMPURITY_MOST_SLOTS features, wide tables
    int32_t *order             # of features
    int32_t *drawn
    int64_t *totals
    int64_t job                # number of the tree or the piece that is growing; -1: none
    bint failed                # out of memory
    # what codes mean below the node that was last given codes of its own, feature by feature
    impurity_params recoded    # with tables of values, where thresholds are drawn
    uint16_t *rank_of          # (wide features, 256) of a code
    int32_t *n_codes           # by feature of the table
    double *lower              # by feature and code
    double *upper
    double *filled
    # nodes so far, of a tree or of pieces of trees
    CartNode *nodes
    int64_t n_nodes, node_room
    OpenNode *open
    int64_t n_open, open_room
    double *sums
    int64_t n_sums, sum_room, sum_width
    double *medians            # by node: medians of all outputs and the impurity
    int64_t median_room
    uint8_t *sets
    int64_t n_sets, set_room
    int64_t n_leaves


cdef enum:
    RECODED_ROWS = 4096   # of a node with codes of its own, see recode; what is below it one thread grows


cdef void forget_nodes(Growth *g) noexcept nogil
cdef void set_root(const Growth *g, OpenNode *root) noexcept nogil
cdef void open_node(Growth *g, const OpenNode *node) noexcept nogil
cdef bint examine(const CartSettings *s, Growth *g, int64_t at) noexcept nogil
cdef bint split_node(const CartSettings *s, Growth *g, OpenNode *children) noexcept nogil
cdef int64_t grow_on(const CartSettings *s, Growth *g, int64_t budget) noexcept nogil

cdef inline bint is_recoded(const CartSettings *s, const OpenNode *open, int32_t feature) noexcept nogil:
    """Whether the node's codes of a feature are its own; only where it has such of some feature."""
    cdef int32_t wide = s.wide_slot[feature]
    return wide >= 0 and open.recoded >> wide & 1


cdef inline double row_weight(const CartSettings *s, const Sample *sample, int64_t row) noexcept nogil:
    """Weight of a row in this tree, in the units of the weights."""
    cdef double w = 1.0
    cdef int64_t o
    if s.n_draws >= 0:
        w = sample.counts[row]
    elif s.weights != NULL:
        w = s.weights[row]
    if s.balance:
        for o in range(s.params.n_outputs):
            w *= sample.factors[s.params.first[o] + s.classes[row * s.params.n_outputs + o]]
    return w
