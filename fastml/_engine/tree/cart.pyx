# cython: cdivision=True
"""Classification and regression trees: single ones, forests, extra trees.

See cart_growth.pyx for how one tree grows. Here trees are shared out among threads: each thread takes the next tree
that nobody has, so memory grows with threads and not with trees. Trees that are fewer than threads are cut into pieces
(cart_pieces.pyx).
"""

from math import isqrt

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int8_t, int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from fastml._engine.runtime.interrupt cimport check
from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.runtime.tree_kernels cimport (
    IMPURITY_ABSOLUTE_ERROR, IMPURITY_ENTROPY, IMPURITY_GINI, IMPURITY_LOGS, IMPURITY_POISSON, IMPURITY_SQUARED_ERROR,
    K, RECODE_MOST, RECORDS_SMALL_CLASSES, RECORDS_SMALL_WEIGHT, row_weights_range,
)
from fastml._engine.tree.cart_arrays cimport allocate_arrays, join_pieces, lay_out, tree_dict
from fastml._engine.tree.cart_growth cimport RECODED_ROWS, OpenNode, forget_nodes, grow_on, open_node, set_root
from fastml._engine.tree.cart_memory cimport allocate_growth, free_growth
from fastml._engine.tree.cart_pieces cimport (
    Piece, Pieces, add_children, add_piece, fill_queue, free_pieces, grow_queue, is_large, make_room, place_pieces,
    split_piece, take_next,
)
from fastml._engine.tree.cart_sample cimport FRACTION_BITS, allocate_sample, draw_sample, free_sample
from fastml._engine.tree.bootstrap cimport RowLottery
from fastml._engine.tree.records cimport RecordLayout
from fastml._engine.tree.value_ranks cimport ValueRanks

from fastml._engine.tree.bootstrap import bootstrap_counts as bootstrap_counts  # no-cython-lint: for callers

cdef enum:
    BUDGET = 1 << 27      # of a thread between two looks at the keyboard, in rows times features: below a second
    WORK_PER_THREAD = 1 << 19  # rows times features times levels: a tree of less is over before others have started
    MOST_LEVELS = 12      # of a tree, as far as its work is concerned
    PIECES_PER_THREAD = 4

CRITERIA = {
    "gini": IMPURITY_GINI,
    "entropy": IMPURITY_ENTROPY,
    "log_loss": IMPURITY_ENTROPY,
    "squared_error": IMPURITY_SQUARED_ERROR,
    "friedman_mse": IMPURITY_SQUARED_ERROR,
    "poisson": IMPURITY_POISSON,
    "absolute_error": IMPURITY_ABSOLUTE_ERROR,
}


cdef class CartGrower:
    """Grows classification and regression trees on one binned matrix.

    Parameters
    ----------
    binned : BinnedMatrix
    values : BinValues
        Least and greatest training value of each code.
    ranks : ValueRanks or None, default=None
        Of the values of features that have more of them than codes: nodes of at most 255 rows are then split exactly,
        but for trees that grow best first and tables of more than 64 features.
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
    A tree that grows holds two records per row (16 bytes and more: see `RecordLayout`) and 8 bytes per row besides; a
    thread 8 bytes per row (24 in a table of more than 64 features, 72 with absolute_error), as far as it touches them,
    and the nodes that it grows. As many trees grow at a time as there are threads; those that are left over, and a
    single tree, grow on all threads together, where they are large enough and not grown best first.

    Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984); Breiman, Random Forests (2001);
    Geurts, Ernst & Wehenkel, Extremely Randomized Trees (2006).
    """

    def __init__(self, BinnedMatrix binned not None, values, ValueRanks ranks=None, *, criterion, n_classes=None,
                 splitter="best", max_depth=None, min_samples_split=2, min_samples_leaf=1, double min_weight_leaf=0.0,
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
        self.criterion, self.n_classes = criterion, n_classes
        s.min_rows = min(min_samples_leaf, 2**31)
        whole = np.arange(IMPURITY_LOGS, dtype=np.float64)
        logs = whole * np.log2(np.maximum(whole, 1))
        n_codes = np.ascontiguousarray(binned.n_codes, dtype=np.int32)
        # numbers ascend with their codes, so the greatest so far is that of the last code that is not empty
        steps = np.fmax.accumulate(np.where(np.isnan(values.upper), -np.inf, values.upper), axis=1)
        filled = np.hstack([steps, steps[:, 15::16]])
        self.keep = {"values": (values.lower, values.upper), "logs": logs, "n_codes": n_codes, "filled": filled}
        s.columns, s.column_stride = binned.columns, binned.column_stride
        s.n_rows, s.n_features = binned.n_rows, <int32_t> binned.n_features
        s.prime = next(p for p in range(max(2, s.n_features), 2**31) if all(p % q for q in range(2, isqrt(p) + 1)))
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
        s.params.filled = s.filled = &filled[0, 0]
        self.ranks = None
        if ranks is not None and len(ranks.ranks) != binned.n_rows:
            raise ValueError(f"ranks has {len(ranks.ranks)} rows, expected {binned.n_rows}")
        if ranks is not None and ranks.wide.n_features and not s.best_first:
            self.ranks = ranks
            s.wide_slot, s.rank_first = &ranks.slot_view[0], &ranks.first_view[0]
            s.rank_lower, s.rank_upper = &ranks.lower_view[0], &ranks.upper_view[0]
        if monotonic_cst is not None:
            monotone = np.ascontiguousarray(monotonic_cst, dtype=np.int8)
            if monotone.shape[0] != binned.n_features:
                raise ValueError(f"monotonic_cst has {monotone.shape[0]} entries, expected {binned.n_features}")
            if np.asarray(monotone).any():
                self.keep["monotone"] = monotone
                s.monotone, s.params.bounded = &monotone[0], 1

    def grow(self, targets, weights, seeds, n_draws=None, places=None):
        """Grow one tree for each seed.

        Parameters
        ----------
        targets : int32 array (classification: 0 to n_classes[k] - 1) or float64 array of shape (n_rows, n_outputs)
            The very array of the call before is taken to hold what it held then, and is not checked again.
        weights : float64 array of shape (n_rows,) or None
            Rows of weight 0 are not seen. With n_draws, a row is drawn with a probability in proportion to its weight,
            and its weight in the tree is how often it was drawn.
        seeds : uint64 array of shape (n_trees,)
            A tree depends on its own seed alone.
        n_draws : int or None, default=None
            Size of the bootstrap sample; None: every row once.
        places : int32 array of shape (n_rows,) or None, default=None
            Receives the leaf of each row where that is known without a look at their codes: see `placed`.

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
        cdef int32_t[::1] leaf_of
        cdef const uint64_t[::1] seed_list = np.ascontiguousarray(seeds, dtype=np.uint64)
        self.n_trees, self.next_tree = seed_list.shape[0], 0
        if self.n_trees == 0:
            return []
        self.prepare(targets, weights, n_draws)
        self.seeds = &seed_list[0]
        trees = [None] * self.n_trees
        self.placed = False
        if places is not None:
            leaf_of = places
            if leaf_of.shape[0] != self.binned.n_rows:
                raise ValueError(f"places has shape {places.shape}, expected ({self.binned.n_rows},)")
        try:
            self.share_out()
            self.settings.places = NULL
            if places is not None and self.writes_places():
                self.settings.places, self.placed = &leaf_of[0], True
            if self.n_apart:
                self.grow_apart(trees)
            if self.n_apart < self.n_trees:
                self.grow_together(trees)
        except BaseException:
            self.release()
            raise
        finally:
            self.forget_arrays()
        return trees

    cdef bint writes_places(self):  # all rows are in the tree and know their numbers, one thread numbers the nodes
        return self.n_trees == self.n_apart == 1 and not self.settings.params.layout.small and self.has_all_rows()

    cdef bint has_all_rows(self):
        return self.settings.n_draws < 0 and (self.settings.weights == NULL or self.least_weight > 0)

    cdef share_out(self):
        """Shares trees out among threads. Memory is kept for the next call, and taken anew where it does not do."""
        cdef int64_t work, n_workers, n_samples, apart, together = 1
        cdef CartSettings *s = &self.settings
        if not s.best_first:  # the root is split by one thread
            work = s.n_rows * s.max_features * min(s.max_depth - 1, MOST_LEVELS)
            together = max(1, min(self.n_threads, work // WORK_PER_THREAD))
        self.n_apart = self.n_trees - (self.n_trees % together)
        apart = min(<int64_t> self.n_threads, self.n_apart)
        n_workers = max(apart, together if self.n_apart < self.n_trees else 1)
        n_samples = max(apart, self.n_trees - self.n_apart)
        self.grown = <CartArrays *> calloc(self.n_trees, sizeof(CartArrays))
        if self.grown == NULL:
            raise MemoryError()
        if (n_workers > self.worker_room or n_samples > self.sample_room or s.params.layout.stride != self.room_stride
                or s.params.n_channels != self.room_channels or s.wide.n_features > self.room_wide):
            self.release()
            self.allocate(n_workers, n_samples)
        self.n_workers, self.n_samples = n_workers, n_samples

    cdef allocate(self, int64_t n_workers, int64_t n_samples):
        cdef int64_t i
        self.workers = <Growth *> calloc(n_workers, sizeof(Growth))
        self.samples = <Sample *> calloc(n_samples, sizeof(Sample))
        if self.workers == NULL or self.samples == NULL:
            raise MemoryError()
        self.worker_room, self.sample_room = n_workers, n_samples
        for i in range(n_workers):
            if not allocate_growth(&self.settings, self.workers + i):
                raise MemoryError()
        for i in range(n_samples):
            if not allocate_sample(&self.settings, self.samples + i):
                raise MemoryError()
        self.room_stride, self.room_channels = self.layout.layout.stride, self.settings.params.n_channels
        self.room_wide = self.settings.wide.n_features

    cdef release(self):
        cdef int64_t i
        for i in range(self.worker_room):
            free_growth(self.workers + i)
        for i in range(self.sample_room):
            free_sample(self.samples + i)
        free(self.workers)
        free(self.samples)
        self.workers, self.samples, self.worker_room, self.sample_room = NULL, NULL, 0, 0

    cdef forget_arrays(self):
        """Those of trees that nobody was given."""
        cdef int64_t i
        if self.grown != NULL:
            for i in range(self.n_trees):
                free(self.grown[i].memory)
        free(self.grown)
        self.grown = NULL

    def __dealloc__(self):
        self.release()

    cdef raise_failures(self):
        cdef int64_t i
        check()
        for i in range(self.n_workers):
            if self.workers[i].failed:
                raise MemoryError()

    cdef grow_apart(self, list trees):
        """The first n_apart trees, each by the thread that takes it."""
        cdef int64_t i, n = min(self.n_workers, self.n_samples)
        cdef bint busy = True
        while busy:
            for i in prange(n, nogil=True, num_threads=n, schedule="static", chunksize=1):
                self.work(self.workers + i, self.samples + i, BUDGET)
            self.raise_failures()
            busy = self.next_tree < self.n_apart
            for i in range(n):
                busy = busy or self.workers[i].job >= 0
            for i in range(self.n_apart):
                if self.grown[i].memory != NULL:
                    trees[i] = tree_dict(self.grown + i, self.settings.params.n_channels)

    cdef void work(self, Growth *g, Sample *sample, int64_t budget) noexcept nogil:
        """Grows trees until the budget is spent."""
        cdef OpenNode root
        while budget > 0 and not g.failed:
            if g.job < 0:
                g.job = take_next(&self.next_tree)
                if g.job >= self.n_apart:
                    g.job = -1
                    return
                draw_sample(&self.settings, self.lottery, self.seeds[g.job], sample)
                g.sample = sample
                forget_nodes(g)
                set_root(g, &root)
                open_node(g, &root)
                budget -= 4 * self.settings.n_rows
            budget -= grow_on(&self.settings, g, budget)
            if g.n_open == 0 and not g.failed:
                if not self.finish(g, g.job):
                    g.failed = True
                budget -= g.n_nodes * self.settings.params.n_channels
                g.job = -1

    cdef bint finish(self, const Growth *g, int64_t tree) noexcept nogil:
        """Lays out a tree that one thread has grown."""
        cdef Piece piece
        memset(&piece, 0, sizeof(Piece))
        piece.grown, piece.n_nodes, piece.left = g, g.n_nodes, -1
        return (allocate_arrays(&self.settings, g.n_nodes, g.n_sets, self.grown + tree)
                and lay_out(&self.settings, &piece, self.grown + tree, NULL))

    cdef grow_together(self, list trees):
        """The other trees, by all threads: see cart_pieces.pyx."""
        cdef CartSettings *s = &self.settings
        cdef int64_t n = self.n_trees - self.n_apart, i, first, last, rows = 0
        cdef int n_threads = <int> self.n_workers
        cdef CartArrays *grown = self.grown + self.n_apart
        cdef bint busy
        cdef OpenNode root
        cdef Pieces pieces
        cdef double[::1] sums
        cdef double *sums_p
        memset(&pieces, 0, sizeof(Pieces))
        for i in range(self.n_workers):
            forget_nodes(self.workers + i)
        try:
            for i in prange(n, nogil=True, num_threads=min(n_threads, <int> n), schedule="static", chunksize=1):
                draw_sample(s, self.lottery, self.seeds[self.n_apart + i], self.samples + i)
            for i in range(n):
                self.workers[0].sample = self.samples + i
                set_root(self.workers, &root)
                if not add_piece(&pieces, i, self.samples + i, &root):
                    raise MemoryError()
                rows += self.samples[i].n
            pieces.large = rows // (PIECES_PER_THREAD * self.n_workers)
            if s.wide.n_features:  # what is below a node with codes of its own is grown by one thread
                pieces.large = max(pieces.large, <int64_t> RECODED_ROWS)
            first, last = 0, n
            while first < last:
                if not make_room(&pieces, last - first):
                    raise MemoryError()
                for i in prange(first, last, nogil=True, num_threads=min(n_threads, <int> (last - first)),
                                schedule="dynamic"):
                    if is_large(&pieces, i):
                        split_piece(s, self.workers + thread_num(), pieces.records + i,
                                    pieces.children + 2 * (i - first))
                self.raise_failures()
                if not add_children(&pieces, first, last):
                    raise MemoryError()
                first, last = last, pieces.n
            if not fill_queue(&pieces):
                raise MemoryError()
            busy = pieces.n_queue > 0
            while busy:
                for i in prange(self.n_workers, nogil=True, num_threads=n_threads, schedule="static", chunksize=1):
                    grow_queue(s, self.workers + i, &pieces, BUDGET)
                self.raise_failures()
                busy = pieces.next < pieces.n_queue
                for i in range(self.n_workers):
                    busy = busy or self.workers[i].job >= 0
            place_pieces(&pieces)
            for i in range(n):
                if not allocate_arrays(s, pieces.records[i].all_nodes, pieces.records[i].all_sets, grown + i):
                    raise MemoryError()
            sums = np.empty(pieces.n * self.workers[0].sum_width)
            sums_p = &sums[0]
            for i in prange(pieces.n, nogil=True, num_threads=n_threads, schedule="dynamic"):
                if not lay_out(s, pieces.records + i, grown + pieces.records[i].tree,
                               sums_p + i * self.workers[0].sum_width):
                    self.workers[thread_num()].failed = True
            self.raise_failures()
            join_pieces(s, &pieces, grown, sums_p)
            for i in range(n):
                trees[self.n_apart + i] = tree_dict(grown + i, s.params.n_channels)
        finally:
            free_pieces(&pieces)

    cdef prepare(self, targets, weights, n_draws):
        """Checks and lays out what a call of grow is given."""
        cdef CartSettings *s = &self.settings
        cdef const double[::1] w
        cdef row_weights_range range_
        n_rows = self.binned.n_rows
        if n_draws is not None and not 1 <= n_draws < 2**31:
            raise ValueError(f"n_draws={n_draws} must be from 1 to 2**31 - 1, or None")
        s.weights, s.whole, s.n_draws = NULL, not s.balance, -1 if n_draws is None else n_draws
        self.weights, heaviest, total = None, 1.0, float(n_rows)
        if weights is not None:
            w = self.weights = weights = np.ascontiguousarray(weights, dtype=np.float64)
            if w.shape[0] != n_rows or weights.ndim != 1:
                raise ValueError(f"weights has shape {weights.shape}, expected ({n_rows},)")
            K.row_weights_measure(&w[0], n_rows, &range_)
            self.least_weight, heaviest, total = range_.least, range_.most, range_.sum
            if not (self.least_weight >= 0 and 0 < total < np.inf):
                raise ValueError("weights must be finite, not negative and not all 0")
            s.weights, s.total_weight = &w[0], total
            if n_draws is None and (total >= 2**31 or not range_.whole):
                s.whole = False
        self.lottery = None
        if n_draws is not None:
            self.lottery = RowLottery(n_rows, weights)
            heaviest = total = n_draws
        total = min(total, 2.0**31) if s.whole else 2.0 ** FRACTION_BITS + n_rows
        if self.known is None or self.known["given"] is not targets or self.known["total"] != total:
            self.known = None
            self.prepare_targets(targets, total)
        small = (s.is_classification and s.params.n_outputs == 1 and s.params.n_channels <= RECORDS_SMALL_CLASSES
                 and s.whole and heaviest <= RECORDS_SMALL_WEIGHT)
        # a tree of one split reads each code once: all rows in their order, and none is moved
        bare = s.max_depth == 1 and self.has_all_rows() and (self.ranks is None or n_rows > RECODE_MOST)
        self.layout = RecordLayout(self.binned, small, bare, self.ranks is not None)
        s.params.layout = &self.layout.layout
        s.wide.n_features = 0
        if self.ranks is not None and self.layout.layout.n_codes:
            s.wide = self.ranks.wide
            s.all_wide = (<uint64_t> 2 << (s.wide.n_features - 1)) - 1

    cdef prepare_targets(self, given, double total_weight):
        cdef CartSettings *s = &self.settings
        cdef const int64_t[:, ::1] classes
        cdef const int32_t[::1] first
        n_rows, n_classes = self.binned.n_rows, self.n_classes
        targets = np.ascontiguousarray(given)
        if targets.ndim != 2 or len(targets) != n_rows or targets.shape[1] < 1 \
                or (n_classes is not None and targets.shape[1] != len(n_classes)):
            wanted = "n_outputs" if n_classes is None else len(n_classes)
            raise ValueError(f"targets has shape {targets.shape}, expected ({n_rows}, {wanted})")
        n_outputs = targets.shape[1]
        channels = (1,) * n_outputs if n_classes is None else n_classes
        first = np.concatenate([[0], np.cumsum(channels)]).astype(np.int32)
        s.params.first, s.params.n_outputs, s.params.n_channels = &first[0], n_outputs, first[n_outputs]
        known = {"given": given, "total": total_weight, "first": first}
        if n_classes is None:
            self.prepare_numbers(targets, total_weight, known)
        else:
            if targets.dtype.kind not in "iu" or targets.min() < 0 or (targets.max(axis=0) >= n_classes).any():
                raise ValueError(f"targets must be integers from 0 to n_classes - 1, n_classes={n_classes}")
            classes = known["classes"] = targets.astype(np.int64)
            s.classes, s.numbers = &classes[0, 0], NULL
        s.params.targets = s.classes
        self.known = known

    cdef prepare_numbers(self, targets, double total_weight, dict known):
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
        known.update(numbers=targets, fixed=np.asarray(fixed))
        s.numbers, s.classes = &numbers[0, 0], &fixed[0, 0]
        s.params.least_sum = 2.220446049250313e-16 * s.number_scale
        if self.criterion == "absolute_error":
            lists, ranks = [], np.empty(targets.shape, dtype=np.int32)
            for o in range(targets.shape[1]):
                distinct, ranks[:, o] = np.unique(known["fixed"][:, o], return_inverse=True)
                lists.append(distinct)
            s.params.n_ranked = max(map(len, lists))
            ranked = np.array([np.pad(own, (0, s.params.n_ranked - len(own))) for own in lists])
            rank = ranks
            known.update(rank=rank, ranked=ranked)
            s.params.rank, s.params.ranked = &rank[0, 0], &ranked[0, 0]
