# cython: cdivision=True
"""Classification and regression trees: single ones, forests, extra trees.

See cart_growth.pyx for how one tree grows. Here trees are shared out among threads: each thread takes the next tree
that nobody has, so memory grows with threads and not with trees.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport ceil, floor, ldexp, log2
from libc.stdint cimport int8_t, int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from fastml._engine.runtime.interrupt cimport check
from fastml._engine.runtime.tree_kernels cimport (
    IMPURITY_ABSOLUTE_ERROR, IMPURITY_ENTROPY, IMPURITY_GINI, IMPURITY_LOGS, IMPURITY_POISSON, IMPURITY_SQUARED_ERROR,
    K, RECORDS_SMALL_CLASSES, RECORDS_SMALL_WEIGHT,
)
from fastml._engine.tree.cart_arrays cimport finish_tree, tree_dict
from fastml._engine.tree.cart_growth cimport grow_on, open_root, row_weight
from fastml._engine.tree.cart_memory cimport allocate_growth, free_growth
from fastml._engine.tree.bootstrap cimport RowLottery
from fastml._engine.tree.records cimport RecordLayout

from fastml._engine.tree.bootstrap import bootstrap_counts as bootstrap_counts  # no-cython-lint: for callers

cdef extern from *:
    """
    #if defined(_MSC_VER) && !defined(__clang__)
    #include <intrin.h>
    static int64_t fastml_next(int64_t *at) { return _InterlockedExchangeAdd64(at, 1); }
    #else
    static int64_t fastml_next(int64_t *at) { return __atomic_fetch_add(at, 1, __ATOMIC_RELAXED); }
    #endif
    """
    int64_t fastml_next(int64_t *at) noexcept nogil

cdef enum:
    BUDGET = 1 << 27      # of a thread between two looks at the keyboard, in rows times features: below a second
    FRACTION_BITS = 28    # the sum of weights that are not whole numbers, in fixed point

CRITERIA = {
    "gini": IMPURITY_GINI,
    "entropy": IMPURITY_ENTROPY,
    "log_loss": IMPURITY_ENTROPY,
    "squared_error": IMPURITY_SQUARED_ERROR,
    "friedman_mse": IMPURITY_SQUARED_ERROR,
    "poisson": IMPURITY_POISSON,
    "absolute_error": IMPURITY_ABSOLUTE_ERROR,
}


cdef bint are_whole(const double[::1] numbers) noexcept:
    cdef Py_ssize_t i
    for i in range(numbers.shape[0]):
        if numbers[i] != floor(numbers[i]):
            return False
    return True


cdef class CartGrower:
    """Grows classification and regression trees on one binned matrix.

    Parameters
    ----------
    binned : BinnedMatrix
    values : BinValues
        Least and greatest training value of each code.
    criterion : {"gini", "entropy", "log_loss", "squared_error", "friedman_mse", "poisson", "absolute_error"}
        "log_loss" is "entropy", "friedman_mse" is "squared_error".
    n_classes : tuple of int or None
        Classes of each output; None: regression.
    splitter : {"best", "random"}, default="best"
        "random": of each feature one threshold, drawn evenly between its least and greatest value in the node.
    max_depth : int or None, default=None
    min_samples_split, min_samples_leaf : int, default=2 and 1
        Rows; one that was drawn twice counts once.
    min_weight_leaf : float, default=0.0
        Least weight of a child.
    max_features : int or None, default=None
        Features drawn for each node; None: all. Constant ones count as drawn, but drawing goes on until one that varies
        was found.
    max_leaf_nodes : int or None, default=None
        Grow best first; None: depth first, to purity where no limit comes before.
    min_impurity_decrease : float, default=0.0
        Of the impurity times the node's share of the weight.
    monotonic_cst : int8 array of shape (n_features,) or None, default=None
        1, -1 or 0: the mean, the median or the share of the last of two classes grows, falls or is free.
    balance_classes : bool, default=False
        Weigh classes by total / (present classes * own weight) in each tree's sample.
    n_threads : int, default=1

    Raises
    ------
    ValueError
        If a parameter is not one of the values above.

    Notes
    -----
    A thread holds two records per row (16 bytes and more: see `RecordLayout`), 16 bytes per row besides (24 in a table
    of more than 64 features, 80 with absolute_error) and the nodes of the tree that it grows.

    Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984); Breiman, Random Forests (2001);
    Geurts, Ernst & Wehenkel, Extremely Randomized Trees (2006).
    """

    def __init__(self, BinnedMatrix binned not None, values, *, criterion, n_classes=None, splitter="best",
                 max_depth=None, min_samples_split=2, min_samples_leaf=1, double min_weight_leaf=0.0,
                 max_features=None, max_leaf_nodes=None, double min_impurity_decrease=0.0, monotonic_cst=None,
                 bint balance_classes=False, int n_threads=1):
        cdef CartSettings *s = &self.settings
        cdef const double[:, ::1] lower = values.lower, upper = values.upper
        cdef const int32_t[::1] n_codes
        cdef const int8_t[::1] monotone
        cdef double[::1] logs
        cdef double[:, ::1] filled
        if criterion not in CRITERIA:
            raise ValueError(f"criterion={criterion!r} must be one of {', '.join(map(repr, CRITERIA))}")
        if (n_classes is None) == (CRITERIA[criterion] <= IMPURITY_ENTROPY):
            raise ValueError(f"criterion={criterion!r} does not fit n_classes={n_classes!r} (None: regression)")
        if n_classes is not None and (len(n_classes) == 0 or min(n_classes) < 1):
            raise ValueError(f"n_classes={n_classes!r} must name at least one class for each output")
        if splitter not in ("best", "random"):
            raise ValueError(f"splitter={splitter!r} must be 'best' or 'random'")
        for name, value, least in (
                ("max_depth", max_depth, 0), ("min_samples_split", min_samples_split, 0),
                ("min_samples_leaf", min_samples_leaf, 1), ("max_features", max_features, 1),
                ("max_leaf_nodes", max_leaf_nodes, 1), ("n_threads", n_threads, 1)):
            if value is not None and value < least:
                raise ValueError(f"{name}={value} must be at least {least}")
        for name, array in (("lower", values.lower), ("upper", values.upper)):
            if array.shape != (binned.n_features, 256):
                raise ValueError(f"values.{name} has shape {array.shape}, expected ({binned.n_features}, 256)")
        self.binned, self.n_threads = binned, n_threads
        self.criterion, self.n_classes, self.min_samples_leaf = criterion, n_classes, min(min_samples_leaf, 2**31)
        whole = np.arange(IMPURITY_LOGS, dtype=np.float64)
        logs = whole * np.log2(np.maximum(whole, 1))
        n_codes = np.ascontiguousarray(binned.n_codes, dtype=np.int32)
        # numbers ascend with their codes, so the greatest so far is that of the last code that is not empty
        filled = np.fmax.accumulate(np.where(np.isnan(values.upper), -np.inf, values.upper), axis=1)
        self.keep = {"values": (values.lower, values.upper), "logs": logs, "n_codes": n_codes, "filled": filled}
        s.columns, s.column_stride = binned.columns, binned.column_stride
        s.n_rows, s.n_features = binned.n_rows, <int32_t> binned.n_features
        s.max_features = s.n_features if max_features is None else min(<int64_t> max_features, <int64_t> s.n_features)
        s.n_codes = &n_codes[0]
        s.categorical, s.missing = binned.is_categorical_p, binned.has_missing_p
        s.lower, s.upper = &lower[0, 0], &upper[0, 0]
        s.max_depth = 2**31 - 1 if max_depth is None else min(max_depth, 2**31 - 1)
        s.best_first = max_leaf_nodes is not None
        s.max_leaves = 0 if max_leaf_nodes is None else max_leaf_nodes
        s.min_split = max(min_samples_split, 2)
        s.min_weight_leaf, s.min_decrease = min_weight_leaf, min_impurity_decrease
        s.is_classification, s.balance = n_classes is not None, balance_classes and n_classes is not None
        s.params.criterion = CRITERIA[criterion]
        s.params.random = splitter == "random"
        s.params.lower, s.params.upper, s.params.log_table = s.lower, s.upper, &logs[0]
        s.params.filled = &filled[0, 0]
        if monotonic_cst is not None:
            monotone = np.ascontiguousarray(monotonic_cst, dtype=np.int8)
            if monotone.shape[0] != binned.n_features:
                raise ValueError(f"monotonic_cst has {monotone.shape[0]} entries, expected {binned.n_features}")
            if np.asarray(monotone).any():
                self.keep["monotone"] = monotone
                s.monotone, s.params.bounded = &monotone[0], 1

    def grow(self, targets, weights, seeds, n_draws=None):
        """Grow one tree for each seed.

        Parameters
        ----------
        targets : int32 array (classification: 0 to n_classes[k] - 1) or float64 array of shape (n_rows, n_outputs)
        weights : float64 array of shape (n_rows,) or None
            Rows of weight 0 are not seen. With n_draws, a row is drawn with a probability in proportion to its weight,
            and its weight in the tree is how often it was drawn.
        seeds : uint64 array of shape (n_trees,)
            A tree depends on its own seed alone.
        n_draws : int or None, default=None
            Size of the bootstrap sample; None: every row once.

        Returns
        -------
        list of dict of arrays
            By node, children after parents: left, right, feature, category_set (int32; -1 where there is none),
            threshold (float64; NaN in leaves and for categories), code (uint8; last code that goes left), missing_left
            (uint8), count (int32, rows), weight, impurity (float64), value (float64, (n_nodes, n_outputs) means or
            medians, or (n_nodes, sum of n_classes) shares); and category_sets (uint8, (n_sets, 32)): bit c of a set
            says that code c goes left.

        Raises
        ------
        ValueError
            If targets or weights have another shape, values that are not allowed, or no row has a weight.
        KeyboardInterrupt
            If Ctrl-C was pressed.
        MemoryError
        """
        cdef const uint64_t[::1] seed_list = np.ascontiguousarray(seeds, dtype=np.uint64)
        cdef int64_t n_workers, i
        cdef Growth *workers = NULL
        cdef bint busy = True
        self.n_trees, self.next_tree = seed_list.shape[0], 0
        if self.n_trees == 0:
            return []
        self.prepare(targets, weights, n_draws)
        self.seeds = &seed_list[0]
        n_workers = min(<int64_t> self.n_threads, self.n_trees)
        trees = [None] * self.n_trees
        workers = <Growth *> calloc(n_workers, sizeof(Growth))
        self.grown = <CartArrays *> calloc(self.n_trees, sizeof(CartArrays))
        try:
            if workers == NULL or self.grown == NULL:
                raise MemoryError()
            for i in range(n_workers):
                if not allocate_growth(&self.settings, workers + i):
                    raise MemoryError()
            while busy:
                for i in prange(n_workers, nogil=True, num_threads=n_workers, schedule="static", chunksize=1):
                    self.work(workers + i, BUDGET)
                check()
                busy = self.next_tree < self.n_trees
                for i in range(n_workers):
                    if workers[i].failed:
                        raise MemoryError()
                    busy = busy or workers[i].tree >= 0
                for i in range(self.n_trees):
                    if self.grown[i].memory != NULL:
                        trees[i] = tree_dict(self.grown + i, self.settings.params.n_channels)
        finally:
            if workers != NULL:
                for i in range(n_workers):
                    free_growth(workers + i)
            free(workers)
            if self.grown != NULL:
                for i in range(self.n_trees):
                    free(self.grown[i].memory)
            free(self.grown)
            self.grown = NULL
        return trees

    cdef void work(self, Growth *g, int64_t budget) noexcept nogil:
        """Grows trees until the budget is spent."""
        while budget > 0 and not g.failed:
            if g.tree < 0:
                g.tree = fastml_next(&self.next_tree)
                if g.tree >= self.n_trees:
                    g.tree = -1
                    return
                g.seed = self.seeds[g.tree]
                self.plant(g)
                budget -= 4 * self.settings.n_rows
                if g.failed:
                    return
            budget -= grow_on(&self.settings, g, budget)
            if g.n_open == 0 and not g.failed:
                if not finish_tree(&self.settings, g, self.grown + g.tree):
                    g.failed = True
                budget -= g.n_nodes * self.settings.params.n_channels
                g.tree = -1

    cdef void plant(self, Growth *g) noexcept nogil:
        """Draws a tree's rows and makes their records."""
        cdef const CartSettings *s = &self.settings
        cdef int64_t i, n
        cdef uint32_t w
        cdef double own, scaled
        cdef bint unit = True
        g.params = s.params
        g.total_weight, g.weight_scale = 0, 1.0
        if s.n_draws >= 0:
            self.lottery.draw(g.seed, s.n_draws, g.counts)
        if s.balance:
            self.balance_sample(g)
        if not s.whole:
            for i in range(s.n_rows):
                g.total_weight += row_weight(s, g, i)
            g.weight_scale = ldexp(1.0, FRACTION_BITS - 1 - <int> floor(log2(g.total_weight)))
            g.total_weight = 0
        for i in range(s.n_rows):
            if s.whole:
                w = g.counts[i] if s.n_draws >= 0 else <uint32_t> s.weights[i] if s.weights != NULL else 1
            else:
                # rounded, halves down, which takes no function; what has a weight is seen, however little that is
                own = row_weight(s, g, i)
                scaled = own * g.weight_scale
                w = <uint32_t> (scaled + 0.5)
                w -= <double> w - 0.5 == scaled
                w += w == 0 and own > 0
            unit = unit and w <= 1
            g.row_weights[i] = w
            g.total_weight += w
        g.total_weight /= g.weight_scale
        g.params.unit_weights = unit
        g.params.min_rows = self.min_samples_leaf
        g.params.min_weight = max(<int64_t> 1, <int64_t> ceil(s.min_weight_leaf * g.weight_scale * (1 - 1e-12)))
        if unit:  # then rows are weight, which every search knows
            g.params.min_weight = max(g.params.min_weight, g.params.min_rows)
            g.params.min_rows = 1
        n = K.records_fill(s.params.layout, g.row_weights, s.classes if s.params.n_outputs == 1 else NULL, 0, s.n_rows,
                           g.first_rows)
        open_root(s, g, n)

    cdef void balance_sample(self, Growth *g) noexcept nogil:
        """Factors by class, total / (present classes * own weight), of each output on its own."""
        cdef const CartSettings *s = &self.settings
        cdef int64_t i, o, c, present
        cdef double total = 0, w
        for c in range(s.params.n_channels):
            g.factors[c] = 0
        for i in range(s.n_rows):
            w = g.counts[i] if s.n_draws >= 0 else s.weights[i] if s.weights != NULL else 1.0
            total += w
            for o in range(s.params.n_outputs):
                g.factors[s.params.first[o] + s.classes[i * s.params.n_outputs + o]] += w
        for o in range(s.params.n_outputs):
            present = 0
            for c in range(s.params.first[o], s.params.first[o + 1]):
                present += g.factors[c] > 0
            for c in range(s.params.first[o], s.params.first[o + 1]):
                if g.factors[c] > 0:
                    g.factors[c] = total / (present * g.factors[c])

    cdef prepare(self, targets, weights, n_draws):
        """Checks and lays out what a call of grow is given."""
        cdef CartSettings *s = &self.settings
        cdef const int64_t[:, ::1] classes
        cdef const int32_t[::1] first
        cdef const double[::1] w
        n_rows, n_classes = self.binned.n_rows, self.n_classes
        targets = np.ascontiguousarray(targets)
        if targets.ndim != 2 or len(targets) != n_rows or targets.shape[1] < 1 \
                or (n_classes is not None and targets.shape[1] != len(n_classes)):
            wanted = "n_outputs" if n_classes is None else len(n_classes)
            raise ValueError(f"targets has shape {targets.shape}, expected ({n_rows}, {wanted})")
        if n_draws is not None and not 1 <= n_draws < 2**31:
            raise ValueError(f"n_draws={n_draws} must be from 1 to 2**31 - 1, or None")
        s.weights, s.whole, s.n_draws = NULL, not s.balance, -1 if n_draws is None else n_draws
        heaviest, total = 1.0, float(n_rows)
        if weights is not None:
            w = weights = np.ascontiguousarray(weights, dtype=np.float64)
            if w.shape[0] != n_rows or weights.ndim != 1:
                raise ValueError(f"weights has shape {weights.shape}, expected ({n_rows},)")
            heaviest, total = weights.max(), weights.sum()
            if not (weights.min() >= 0 and 0 < total < np.inf):
                raise ValueError("weights must be finite, not negative and not all 0")
            s.weights = &w[0]
            if n_draws is None and (total >= 2**31 or not are_whole(w)):
                s.whole = False
        self.lottery = None
        if n_draws is not None:
            self.lottery = RowLottery(n_rows, weights)
            heaviest = total = n_draws
        n_outputs = targets.shape[1]
        channels = (1,) * n_outputs if n_classes is None else n_classes
        first = np.concatenate([[0], np.cumsum(channels)]).astype(np.int32)
        s.params.first, s.params.n_outputs, s.params.n_channels = &first[0], n_outputs, first[n_outputs]
        self.call = {"weights": weights, "first": first}
        if n_classes is None:
            self.prepare_numbers(targets, min(total, 2.0**31) if s.whole else 2.0 ** FRACTION_BITS + n_rows)
        else:
            if targets.dtype.kind not in "iu" or targets.min() < 0 or (targets.max(axis=0) >= n_classes).any():
                raise ValueError(f"targets must be integers from 0 to n_classes - 1, n_classes={n_classes}")
            classes = targets.astype(np.int64)
            self.call["classes"] = classes
            s.classes, s.numbers = &classes[0, 0], NULL
        s.params.targets = s.classes
        small = (n_classes is not None and n_outputs == 1 and n_classes[0] <= RECORDS_SMALL_CLASSES and s.whole
                 and heaviest <= RECORDS_SMALL_WEIGHT)
        self.layout = RecordLayout(self.binned, small)
        s.params.layout = &self.layout.layout

    cdef prepare_numbers(self, targets, double total_weight):
        """Targets in fixed point, so that no sum of weight times target can overflow 62 bits: their distances from a
        coarse centre, which is exact for whole numbers."""
        cdef CartSettings *s = &self.settings
        cdef const double[:, ::1] numbers
        cdef const int64_t[:, ::1] fixed, ranked
        cdef const int32_t[:, ::1] rank
        targets = targets.astype(np.float64, copy=False)
        if not np.isfinite(targets).all():
            raise ValueError("targets must be finite")
        if self.criterion == "poisson" and targets.min() < 0:
            raise ValueError("criterion='poisson' needs targets that are not negative")
        low, high = targets.min(), targets.max()
        s.centre, s.number_scale = 0.0, 1.0
        if self.criterion != "poisson":
            grid = 2.0 ** max(-1000, np.ceil(np.log2(max(high / 2 - low / 2, 1e-300))) - 9)
            s.centre = np.rint((high / 2 + low / 2) / grid) * grid
        reach = max(abs(high - s.centre), abs(low - s.centre))
        if reach > 0:
            s.number_scale = 2.0 ** min(1000, np.floor(61 - np.log2(total_weight) - np.log2(reach)) - 1)
        numbers = targets
        fixed = np.rint((targets - s.centre) * s.number_scale).astype(np.int64)
        self.call.update(numbers=targets, fixed=np.asarray(fixed))
        s.numbers, s.classes = &numbers[0, 0], &fixed[0, 0]
        s.params.least_sum = 2.220446049250313e-16 * s.number_scale
        if self.criterion == "absolute_error":
            lists, ranks = [], np.empty(targets.shape, dtype=np.int32)
            for o in range(targets.shape[1]):
                distinct, ranks[:, o] = np.unique(self.call["fixed"][:, o], return_inverse=True)
                lists.append(distinct)
            s.params.n_ranked = max(map(len, lists))
            ranked = np.array([np.pad(own, (0, s.params.n_ranked - len(own))) for own in lists])
            rank = ranks
            self.call.update(rank=rank, ranked=ranked)
            s.params.rank, s.params.ranked = &rank[0, 0], &ranked[0, 0]
