# cython: cdivision=True
"""The growth of one classification or regression tree.

Boosting (grow.pyx) looks at every feature of few large nodes, so it keeps row numbers, builds histograms and
subtracts siblings. Growth to purity looks at some features of very many small nodes: here a node's rows are a
contiguous stretch of records that a split moves (src_c/tree/records.h), and small nodes are searched without a
histogram (src_c/tree/impurity.h). So the two hold rows, leaves and nodes differently; what they have in common is the
matrix of codes, the rule of a split and the way in which random choices hang on the path to a node.

A node owns its rows and as much spare room in another buffer. Its left child keeps the head of the rows, its right
child goes to the spare room, and each has the rest of the other's place for spare room: two buffers of all rows are
enough for any order of growth. The loops need a stack or a heap but no recursion, however deep the tree.
"""

from libc.math cimport INFINITY, NAN
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastml._engine.runtime.tree_kernels cimport (
    IMPURITY_ABSOLUTE_ERROR, IMPURITY_ENTROPY, IMPURITY_FILLED, IMPURITY_MOST_SLOTS, IMPURITY_SQUARED_ERROR, K,
    RECODE_MOST, impurity_params, impurity_split, partition_rule,
)
from fastml._engine.tree.bin_values cimport place_threshold
from fastml._engine.tree.cart_leaf cimport close_leaf, close_leaves, code_of
from fastml._engine.tree.cart_memory cimport fits
from fastml._engine.tree.split cimport mix
from fastml._engine.tree.value_ranks cimport place_between

cdef double EPS = 2.220446049250313e-16
cdef uint64_t GOLDEN = 0x9E3779B97F4A7C15u


cdef void forget_nodes(Growth *g) noexcept nogil:
    g.n_nodes = g.n_open = g.n_sums = g.n_sets = 0


cdef void set_root(const Growth *g, OpenNode *root) noexcept nogil:
    """The root of the tree that grows from g's sample."""
    cdef const impurity_params *params = &g.sample.params
    memset(root, 0, sizeof(OpenNode))
    root.rows, root.spare, root.n = g.sample.first_rows, g.sample.other_rows, g.sample.n
    root.feature = -1
    root.path = 1
    root.tried = root.n
    root.low, root.high = -INFINITY, INFINITY
    if sums_follow(params):
        root.weight = K.impurity_totals(params, root.rows, root.n, g.totals)
        root.sum = g.totals[params.n_channels - 1]


cdef bint sums_follow(const impurity_params *params) noexcept nogil:
    """Whether a child's totals follow from its weight and one sum, which are known from the split of its parent."""
    return params.n_outputs == 1 and params.criterion != IMPURITY_ABSOLUTE_ERROR and (
        params.n_channels == 2 or params.criterion > IMPURITY_ENTROPY)


cdef void open_node(Growth *g, const OpenNode *node) noexcept nogil:
    """Makes `node` the only open one, the first of a tree or of a piece of one."""
    if not fits(<void **> &g.open, &g.open_room, 1, sizeof(OpenNode)):
        g.failed = True
        return
    g.open[0] = node[0]
    g.open[0].parent = g.open[0].node = -1
    g.n_open = 1
    g.n_leaves = 0


cdef bint split_node(const CartSettings *s, Growth *g, OpenNode *children) noexcept nogil:
    """Closes the only open node. False: it is a leaf; else its children are given back, the left one first."""
    cdef int64_t n_left
    if g.failed or not number(s, g, 0):
        return False
    g.n_open = 0
    if not examine(s, g, 0):
        close_leaf(s, g, g.open)
        return False
    n_left = divide(s, g, g.open)
    if n_left < 0:
        g.failed = True
        return False
    set_child(s, g.open, children, 0, n_left)
    set_child(s, g.open, children + 1, 1, n_left)
    return True


# ---- one node -------------------------------------------------------------------------------------------------------

cdef int32_t add_node(const CartSettings *s, Growth *g, const OpenNode *open) noexcept nogil:
    """A new node, a leaf until it is split; -1: out of memory."""
    cdef CartNode *node
    if not fits(<void **> &g.nodes, &g.node_room, g.n_nodes + 1, sizeof(CartNode)):
        return -1
    if s.params.criterion == IMPURITY_ABSOLUTE_ERROR and not fits(
            <void **> &g.medians, &g.median_room, (g.n_nodes + 1) * (s.params.n_outputs + 1), sizeof(double)):
        return -1
    node = g.nodes + g.n_nodes
    memset(node, 0, sizeof(CartNode))
    node.left = node.right = node.feature = node.category_set = -1
    node.threshold = NAN
    node.sums = -1
    node.count = <int32_t> open.n
    node.low, node.high = open.low, open.high
    if open.parent >= 0:
        if open.side == 0:
            g.nodes[open.parent].left = <int32_t> g.n_nodes
        else:
            g.nodes[open.parent].right = <int32_t> g.n_nodes
    g.n_nodes += 1
    return <int32_t> (g.n_nodes - 1)


cdef bint number(const CartSettings *s, Growth *g, int64_t at) noexcept nogil:
    g.open[at].node = add_node(s, g, g.open + at)
    if g.open[at].node < 0:
        g.failed = True
    return not g.failed


cdef bint is_pure(const CartSettings *s, Growth *g, const OpenNode *open) noexcept nogil:
    """Whether all rows of the node have the same targets; its totals are those of the node."""
    cdef int64_t _i, o, c, n_outputs = s.params.n_outputs
    cdef int32_t present
    cdef const uint8_t *record = open.rows
    cdef int64_t y
    cdef const int64_t *first
    if s.is_classification and n_outputs == 1:
        return g.view.squares == open.weight * open.weight
    if s.is_classification:
        for o in range(n_outputs):
            present = 0
            for c in range(s.params.first[o], s.params.first[o + 1]):
                present += g.totals[c] != 0
            if present > 1:
                return False
        return True
    if n_outputs == 1:
        y = (<const int64_t *> (record + s.params.layout.payload))[0]
        for _i in range(1, open.n):
            record = record + s.params.layout.stride
            if (<const int64_t *> (record + s.params.layout.payload))[0] != y:
                return False
        return True
    first = s.classes + (<const uint32_t *> (record + s.params.layout.row))[0] * n_outputs
    for _i in range(1, open.n):
        record = record + s.params.layout.stride
        for o in range(n_outputs):
            if s.classes[(<const uint32_t *> (record + s.params.layout.row))[0] * n_outputs + o] != first[o]:
                return False
    return True


cdef bint examine(const CartSettings *s, Growth *g, int64_t at) noexcept nogil:
    """Searches the open node for its split. False: it is a leaf. Leaves its sums in the totals."""
    cdef OpenNode *open = g.open + at
    cdef double unit, impurity
    cdef int64_t c
    open.feature = -1
    open.priority = 0
    g.view.records, g.view.n, g.view.weight, g.view.totals = open.rows, open.n, open.weight, g.totals
    g.view.low, g.view.high = open.low, open.high
    if sums_follow(&s.params):
        g.totals[0] = open.weight - open.sum  # of the first of two classes
        g.totals[s.params.n_channels - 1] = open.sum
    else:
        open.weight = K.impurity_totals(&g.sample.params, open.rows, open.n, g.totals)
        g.view.weight = open.weight
    if s.params.criterion == IMPURITY_ABSOLUTE_ERROR:
        impurity = K.impurity_medians(&g.sample.params, &g.view, &g.space,
                                      g.medians + open.node * (s.params.n_outputs + 1)) if open.n else 0.0
        g.medians[open.node * (s.params.n_outputs + 1) + s.params.n_outputs] = (
            impurity / (s.number_scale * max(open.weight, <int64_t> 1) * s.params.n_outputs))
    g.view.squares = 0
    if s.is_classification:
        for c in range(s.params.n_channels):
            g.view.squares += g.totals[c] * g.totals[c]
    if (open.depth >= s.max_depth or open.n < s.min_split or open.n < 2 * g.sample.params.min_rows
            or open.weight < 2 * g.sample.params.min_weight or open.n < 2 or is_pure(s, g, open)):
        return False
    if s.wide.n_features and open.n <= most_recoded(s) and (2 * open.n <= open.tried or open.n <= RECODE_MOST) and (
            open.recoded != s.all_wide):
        recode(s, g, open)
    search(s, g, open)
    if open.feature < 0:
        return False
    # gains are in fixed point: of the weights, and of the targets or their squares
    unit = 1.0 / (g.sample.weight_scale * g.sample.total_weight)
    if not s.is_classification:
        unit /= s.number_scale
        if s.params.criterion == IMPURITY_SQUARED_ERROR:
            unit /= s.number_scale
    open.priority = open.split.gain * unit
    if open.priority + EPS < s.min_decrease:
        open.feature = -1
        return False
    return True


cdef inline int64_t most_recoded(const CartSettings *s) noexcept nogil:
    """Rows of a node that may be given codes of its own. Where thresholds are drawn all features get theirs at once, as
    they must in nodes of so few rows: the tables of values that are drawn from are those of all nodes or of one."""
    return RECODE_MOST if s.params.random else RECODED_ROWS


cdef void recode(const CartSettings *s, Growth *g, OpenNode *open) noexcept nogil:
    """Tries to give the records of a node codes that tell all its values apart; its children inherit them."""
    cdef int32_t j, f, c, n
    cdef const double *lower
    cdef const double *upper
    cdef double *filled
    open.tried = open.n
    open.recoded = K.records_recode(s.params.layout, open.rows, open.n, &s.wide, open.recoded, g.rank_of, g.n_codes)
    if not s.params.random:
        return
    g.recoded = g.sample.params
    g.recoded.lower, g.recoded.upper, g.recoded.filled = g.lower, g.upper, g.filled
    for j in range(s.wide.n_features):
        f = s.wide.features[j]
        n = g.n_codes[f]
        lower, upper = s.rank_lower + s.rank_first[j], s.rank_upper + s.rank_first[j]
        filled = g.filled + IMPURITY_FILLED * <int64_t> f
        for c in range(1, n):
            g.lower[256 * <int64_t> f + c] = lower[g.rank_of[256 * j + c]]
            g.upper[256 * <int64_t> f + c] = filled[c] = upper[g.rank_of[256 * j + c]]
        for c in range(n, (n + 15) // 16 * 16):
            filled[c] = INFINITY
        for c in range(16):
            filled[256 + c] = filled[16 * c + 15] if 16 * c < n else INFINITY


cdef void search(const CartSettings *s, Growth *g, OpenNode *open) noexcept nogil:
    """Best split over max_features features drawn for this node, in the order in which they were drawn.

    Constant ones count as drawn, but drawing goes on until one that is not constant was found. When all features are
    looked at they begin at a random one and go on by a random step around a prime number of places: of any two, either
    comes first as often as the other, so that ties (small nodes are full of them) favour none.
    """
    cdef uint64_t key = mix(g.sample.seed ^ mix(open.path))
    cdef int32_t n = s.n_features, first = 0, last, j, pick, swap, f
    cdef bint all_features = s.max_features >= n, found = False
    cdef int32_t n_drawn = 0
    cdef impurity_split best
    cdef const impurity_params *params = &g.recoded if open.recoded and s.params.random else &g.sample.params
    cdef int32_t n_codes
    cdef uint64_t bits = mix(key + GOLDEN)
    cdef int32_t at = <int32_t> ((bits >> 32) * <uint64_t> s.prime >> 32)
    cdef int32_t step = 1 + <int32_t> (<uint64_t> <uint32_t> bits * <uint64_t> (s.prime - 1) >> 32)
    best.score = -INFINITY
    best.slot = -1
    while first < n and (first < s.max_features or not found):
        last = min(first + IMPURITY_MOST_SLOTS, s.max_features) if first < s.max_features else first + 1
        for j in range(first, last):
            if all_features:
                f = n
                while f >= n:
                    f = at
                    at += step
                    at = at if at < s.prime else at - s.prime
            else:
                pick = j + <int32_t> ((mix(key + <uint64_t> (j + 1) * GOLDEN) >> 32) * <uint64_t> (n - j) >> 32)
                g.drawn[j] = pick
                f = g.order[pick]
                g.order[pick] = g.order[j]
                g.order[j] = f
                n_drawn = j + 1
            n_codes = g.n_codes[f] if open.recoded and is_recoded(s, open, f) else s.n_codes[f]
            set_slot(s, g, j - first, f, n_codes, mix(key ^ mix(<uint64_t> f + 1)) if s.params.random else 0)
        g.view.n_slots = last - first
        if s.params.layout.n_codes == 0 and open.n < s.n_rows:
            K.records_gather(s.params.layout, open.rows, open.n, g.view.feature, g.view.n_slots, g.gathered)
        best.slot = -1
        found = K.impurity_search(params, &g.view, &g.space, &best) or found
        if best.slot >= 0:
            open.split = best
            open.feature = g.view.feature[best.slot]
        first = last
    # back to the identity, so that the next draw does not depend on this one
    for j in range(n_drawn - 1, -1, -1):
        pick = g.drawn[j]
        swap = g.order[pick]
        g.order[pick] = g.order[j]
        g.order[j] = swap


cdef inline void set_slot(const CartSettings *s, Growth *g, int32_t slot, int32_t f, int32_t n_codes,
                          uint64_t key) noexcept nogil:
    g.view.feature[slot], g.view.n_codes[slot] = f, n_codes
    g.view.categorical[slot], g.view.missing[slot] = s.categorical[f], s.missing[f]
    g.view.monotone[slot] = s.monotone[f] if s.monotone != NULL else 0
    g.view.key[slot] = key
    if s.params.layout.n_codes:
        g.view.codes, g.view.step, g.view.at[slot] = g.view.records, s.params.layout.stride, f
    elif g.view.n == s.n_rows:  # all rows, in the order of the columns
        g.view.codes, g.view.step, g.view.at[slot] = s.columns, 1, f * s.column_stride
    else:
        g.view.codes, g.view.step, g.view.at[slot] = g.gathered, 1, slot * g.view.n


cdef int64_t divide(const CartSettings *s, Growth *g, OpenNode *open) noexcept nogil:
    """Makes the split of a node: fills in its entry in the tree and moves its rows; returns how many go left, or -1
    when there is no memory for a set of categories."""
    cdef partition_rule rule
    cdef int64_t n_left
    if not set_rule(s, g, open, &rule):
        return -1
    n_left = K.records_split(s.params.layout, open.rows, open.n, open.feature, &rule, open.spare)
    set_absent(s, g, open, n_left, n_left)
    return n_left


cdef bint divide_into_leaves(const CartSettings *s, Growth *g, OpenNode *open) noexcept nogil:
    """Makes the split of a node whose children are leaves, which need not have their rows to themselves."""
    cdef OpenNode[2] children
    cdef partition_rule rule
    cdef int64_t n_left
    cdef int side
    if not set_rule(s, g, open, &rule):
        return False
    for side in range(2):
        set_child(s, open, children + side, side, 0)
        children[side].node = add_node(s, g, children + side)
        if children[side].node < 0:
            return False
    n_left = close_leaves(s, g, open, &rule, children[0].node)
    if n_left < 0:
        return False
    g.nodes[children[0].node].count, g.nodes[children[1].node].count = <int32_t> n_left, <int32_t> (open.n - n_left)
    set_absent(s, g, open, n_left, open.n)
    return True


cdef bint set_rule(const CartSettings *s, Growth *g, const OpenNode *open, partition_rule *rule) noexcept nogil:
    """Fills in a node's entry in the tree and says which codes go left; False: no memory for a set of categories."""
    cdef const impurity_split *split = &open.split
    cdef CartNode *node = g.nodes + open.node
    cdef const double *lower = s.lower + 256 * <int64_t> open.feature
    cdef const double *upper = s.upper + 256 * <int64_t> open.feature
    cdef const uint16_t *rank_of
    cdef int64_t first
    cdef int32_t wide = s.wide_slot[open.feature] if open.recoded and is_recoded(s, open, open.feature) else -1
    node.feature = open.feature
    node.missing_left = split.missing_left
    rule.set = NULL
    if split.categorical:
        if not fits(<void **> &g.sets, &g.set_room, 32 * (g.n_sets + 1), 1):
            return False
        memcpy(g.sets + 32 * g.n_sets, split.set, 32)
        node.category_set = <int32_t> g.n_sets
        g.n_sets += 1
        rule.set = g.sets + 32 * node.category_set
        rule.code = rule.bias = 0
        return True
    if split.next == 0:
        node.code, node.threshold = <uint8_t> (s.n_codes[open.feature] - 1), INFINITY
    elif wide >= 0:
        first, rank_of = s.rank_first[wide], g.rank_of + 256 * wide
        node.threshold = place_between(s.rank_lower + first, s.rank_upper + first, rank_of[split.code],
                                       rank_of[split.next], split.threshold, &node.rank)
    else:
        node.threshold = place_threshold(lower, upper, split.code, split.next, split.threshold, &node.code)
    rule.code, rule.bias = split.code, 0 if split.missing_left else 1
    return True


cdef void set_absent(const CartSettings *s, Growth *g, const OpenNode *open, int64_t n_left,
                     int64_t n_stay) noexcept nogil:
    """What no row of the node has, missing values or codes of categories, goes with the greater part from now on.
    n_stay: rows that are still where they were, the others are in the spare room."""
    cdef CartNode *node = g.nodes + open.node
    if open.split.categorical:
        open_set(s, g, open, n_left, n_stay)
        node.missing_left = g.sets[32 * node.category_set] & 1
    elif not open.split.any_missing:
        node.missing_left = 2 * n_left > open.n


cdef void open_set(const CartSettings *s, Growth *g, const OpenNode *open, int64_t n_left,
                   int64_t n_stay) noexcept nogil:
    cdef uint8_t[256] present
    cdef uint8_t *bits = g.sets + 32 * (g.n_sets - 1)
    cdef const uint8_t *record
    cdef int64_t i
    cdef int c
    if 2 * n_left <= open.n:
        return
    memset(present, 0, 256)
    for i in range(open.n):
        record = open.rows + i * s.params.layout.stride if i < n_stay else (
            open.spare + (i - n_stay) * s.params.layout.stride)
        present[code_of(s, record, open.feature)] = 1
    for c in range(256):
        if not present[c]:
            bits[c >> 3] |= <uint8_t> (1 << (c & 7))


cdef void set_child(const CartSettings *s, const OpenNode *open, OpenNode *child, int side,
                    int64_t n_left) noexcept nogil:
    cdef double middle
    cdef int64_t stride = s.params.layout.stride
    cdef int direction = s.monotone[open.feature] if s.monotone != NULL else 0
    child.parent, child.side, child.depth = open.node, side, open.depth + 1
    child.node = child.feature = -1
    child.path = mix(open.path * 2 + <uint64_t> side + 1)
    child.low, child.high, child.recoded, child.tried = open.low, open.high, open.recoded, open.tried
    if direction != 0:
        middle = 0.5 * (open.split.value_left + open.split.value_right)
        if (direction > 0) == (side == 0):
            child.high = middle
        else:
            child.low = middle
    # the left child's rows have stayed, the right one's have gone to the spare room: what they left is room again
    if side == 0:
        child.rows, child.spare = open.rows, open.spare + (open.n - n_left) * stride
        child.n, child.weight, child.sum = n_left, open.split.weight_left, open.split.sum_left
    else:
        child.rows, child.spare = open.spare, open.rows + n_left * stride
        child.n = open.n - n_left
        child.weight, child.sum = open.weight - open.split.weight_left, open.sum - open.split.sum_left


# ---- the order of growth --------------------------------------------------------------------------------------------

cdef int64_t grow_on(const CartSettings *s, Growth *g, int64_t budget) noexcept nogil:
    """Goes on with the tree until it is done (n_open is 0) or has cost `budget`; returns what it has cost."""
    if s.best_first:
        return grow_best_first(s, g, budget)
    return grow_depth_first(s, g, budget)


cdef int64_t grow_depth_first(const CartSettings *s, Growth *g, int64_t budget) noexcept nogil:
    cdef OpenNode *open
    cdef OpenNode *right
    cdef int64_t cost = 0, n_left
    cdef OpenNode node
    while g.n_open > 0 and cost < budget and not g.failed:
        if not fits(<void **> &g.open, &g.open_room, g.n_open + 1, sizeof(OpenNode)) or not number(s, g, g.n_open - 1):
            g.failed = True
            break
        open = g.open + g.n_open - 1
        cost += (open.n + 16) * (min(s.max_features, s.n_features) + 4)
        if open.n <= most_recoded(s):
            cost += open.n * s.wide.n_features
        if not examine(s, g, g.n_open - 1):
            close_leaf(s, g, open)
            g.n_open -= 1
            continue
        if open.depth + 1 >= s.max_depth and s.params.criterion != IMPURITY_ABSOLUTE_ERROR:
            if not divide_into_leaves(s, g, open):
                g.failed = True
            g.n_open -= 1
            continue
        n_left = divide(s, g, open)
        if n_left < 0:
            g.failed = True
            break
        node = open[0]
        # the right child waits below the left one
        right = open
        set_child(s, &node, right, 1, n_left)
        set_child(s, &node, right + 1, 0, n_left)
        g.n_open += 1
    return cost


cdef bint before(const OpenNode *a, const OpenNode *b) noexcept nogil:
    return a.priority > b.priority or (a.priority == b.priority and a.node < b.node)


cdef void sift_up(Growth *g, int64_t at) noexcept nogil:
    cdef OpenNode own = g.open[at]
    cdef int64_t up
    while at > 0:
        up = (at - 1) // 2
        if not before(&own, g.open + up):
            break
        g.open[at] = g.open[up]
        at = up
    g.open[at] = own


cdef void pop_top(Growth *g) noexcept nogil:
    cdef OpenNode own
    cdef int64_t at = 0, down
    g.n_open -= 1
    own = g.open[g.n_open]
    while 2 * at + 1 < g.n_open:
        down = 2 * at + 1
        if down + 1 < g.n_open and before(g.open + down + 1, g.open + down):
            down += 1
        if not before(g.open + down, &own):
            break
        g.open[at] = g.open[down]
        at = down
    if g.n_open:
        g.open[at] = own


cdef int64_t grow_best_first(const CartSettings *s, Growth *g, int64_t budget) noexcept nogil:
    """All open nodes have been examined and are in a heap by priority; those without a split are leaves."""
    cdef OpenNode node
    cdef OpenNode *child
    cdef int64_t cost = 0, n_left
    cdef int side
    if g.n_leaves == 0 and number(s, g, 0):
        examine(s, g, 0)
        g.n_leaves = 1
    while g.n_open > 0 and cost < budget and not g.failed:
        node = g.open[0]
        pop_top(g)
        cost += (node.n + 16) * (min(s.max_features, s.n_features) + 4)
        if node.feature < 0 or g.n_leaves >= s.max_leaves:
            K.impurity_totals(&g.sample.params, node.rows, node.n, g.totals)
            close_leaf(s, g, &node)
            continue
        if not fits(<void **> &g.open, &g.open_room, g.n_open + 2, sizeof(OpenNode)):
            g.failed = True
            break
        n_left = divide(s, g, &node)
        if n_left < 0:
            g.failed = True
            break
        g.n_leaves += 1
        for side in range(2):
            child = g.open + g.n_open
            set_child(s, &node, child, side, n_left)
            if not number(s, g, g.n_open):
                break
            examine(s, g, g.n_open)
            g.n_open += 1
            sift_up(g, g.n_open - 1)
    return cost
