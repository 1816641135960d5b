"""The boosting loop: gradients -> one tree per output -> scores, round after round.

Friedman, Greedy Function Approximation: A Gradient Boosting Machine, Annals of Statistics 29 (2001), with the
second-order step of Chen and Guestrin, XGBoost, KDD 2016. The loop itself does no work per row: gradients,
trees and score updates are threaded kernels, and what is drawn (rows, features, rounds to leave out) is drawn
by the parts in `sampling` and `dropout`. Scores are float64, class-major (n_outputs, n_rows).
"""

from __future__ import annotations

import numpy as np

from fastml._engine.runtime import interrupt
from fastml._engine.tree.predict import add_tree
from fastml._engine.tree.rows import gather
from fastml._engine.tree.sampling import AllRows, draw_features, mix_seed

__all__ = ["BoostingLoop", "WatchedRows", "margin_baseline"]

# Streams of random numbers: what is drawn for one purpose must not repeat what is drawn for another.
_TREE_STREAM, _FEATURE_STREAM = 1, 2

# Rows are sorted by the leaves of the last tree after the first round and every REORDER_ROUNDS rounds: rows
# of one node then lie close together in memory. Smaller matrices live in the cache anyway.
REORDER_ROUNDS, REORDER_MIN_ROWS = 10, 100_000

# Least number of trees of a round whose roots are counted together.
TOGETHER_MIN = 3

# The gradient kernels write this where a gradient or hessian would be larger (GRADIENT_HUGE).
_HUGE = float(np.float32(1e37))


class WatchedRows:
    """Rows beside the training rows whose scores follow the forest (validation and evaluation sets).

    Parameters
    ----------
    binned : BinnedMatrix
        Binned by the training rows' mapper.
    raw : float64 array of shape (n_outputs, n_rows)
        Scores so far; kept up to date in place.
    """

    def __init__(self, binned, raw):
        self.binned = binned
        self.raw = raw


class BoostingLoop:
    """State of one fit; `grow_round` adds one tree per output.

    Parameters
    ----------
    forest : Forest
        Receives the trees; may hold trees of an earlier fit.
    binned : BinnedMatrix
        Training rows.
    grower : Grower
        Grows trees on ``binned``.
    objective : Objective
    y : array of shape (n_rows,)
    weight : float64 array of shape (n_rows,) or None
    raw : float64 array of shape (n_outputs, n_rows)
        Scores of the training rows under ``forest``; kept up to date in place.
    seed : int
        For drawing features of a tree.
    grower_seed : int
        For the grower: what it draws, and the rounding of gradients. A fit without any sampling should give
        the same trees whatever the user's seed, so it passes a constant.
    n_threads : int
    constant_hessian : bool
        Whether the grower takes every hessian as 1.
    row_sampler : AllRows, RandomRows or GradientRows
    dropout : Dropout or None
    feature_fraction : float
        Part of the features that each tree may use.
    weigh_leaves : bool
        Whether the grower checks sums of sample weights in leaves.
    monotonic_cst : int8 array of shape (n_features,) or None
        Needed here only for losses whose leaf values are refitted after the tree has been grown.
    watched : sequence of WatchedRows
    moved : callable or None
        Called as ``moved(y, weight, raw)`` with the new arrays when the training rows have been put into
        another order (the old arrays are left as they were). None: the rows stay where they are.
    """

    def __init__(
        self,
        *,
        forest,
        binned,
        grower,
        objective,
        y,
        weight,
        raw,
        seed,
        grower_seed,
        n_threads,
        constant_hessian,
        row_sampler=None,
        dropout=None,
        feature_fraction=1.0,
        weigh_leaves=False,
        monotonic_cst=None,
        watched=(),
        moved=None,
    ):
        self.forest = forest
        self.binned = binned
        self.grower = grower
        self.objective = objective
        self.y = y
        self.weight = weight
        self.raw = raw
        self.seed = seed
        self.grower_seed = grower_seed
        self.n_threads = n_threads
        self.row_sampler = AllRows() if row_sampler is None else row_sampler
        self.dropout = dropout
        self.feature_fraction = feature_fraction
        self.leaf_weight = weight if weigh_leaves else None
        self.monotonic_cst = monotonic_cst if objective.refit else None
        self.watched = list(watched)
        self.moved = (
            moved if raw.shape[1] >= REORDER_MIN_ROWS and isinstance(self.row_sampler, AllRows) else None
        )
        self._g = np.empty(raw.shape[1], dtype=np.float32)
        self._h = None if constant_hessian else np.empty(raw.shape[1], dtype=np.float32)
        self._n_features = binned.n_features
        # on all rows and features the trees of a round have one root, which is counted for several at once
        together = isinstance(self.row_sampler, AllRows) and self.feature_fraction == 1.0
        together = together and raw.shape[0] >= TOGETHER_MIN
        self._together = grower.outputs_together(raw.shape[0]) if together else 1

    @property
    def n_outputs(self):
        """Trees per round."""
        return self.raw.shape[0]

    @property
    def n_rounds(self):
        """Whole rounds in the forest."""
        return self.forest.n_trees // self.n_outputs

    def grow_round(self, learning_rate):
        """Add one round of trees.

        If anything raises, the forest still holds whole rounds only and predicts as before the call; the
        scores may have moved, so the loop must not be used again.

        Raises
        ------
        KeyboardInterrupt
            If Ctrl-C was pressed.
        """
        interrupt.check()
        round_index, n_kept = self.n_rounds, self.forest.n_trees
        dropped = () if self.dropout is None else self._leave_out(round_index)
        new_factor, old_factor = (
            (learning_rate, 1.0)
            if self.dropout is None
            else self.dropout.factors(len(dropped) // self.n_outputs, learning_rate)
        )
        unscaled = {}
        try:
            self.objective.start_round(self.y, self.raw, self.weight, self.n_threads)
            self.row_sampler.start_round(round_index)
            for k in range(self.n_outputs):
                if self._together > 1 and k % self._together == 0:
                    self._count_roots(round_index, k)
                self._grow_tree(round_index, k, new_factor)
            for tree_index in dropped:
                self._put_back(tree_index, old_factor)
                unscaled[tree_index] = self.forest.tree(tree_index)["value"].copy()
                self.forest.scale(tree_index, old_factor)
            for rows in self.watched:
                for k in range(self.n_outputs):
                    add_tree(self.forest, n_kept + k, rows.binned, rows.raw[k], n_threads=self.n_threads)
            if self.moved is not None and round_index % REORDER_ROUNDS == 0:
                self._reorder()
        except BaseException:
            self.forest.truncate(n_kept)
            for tree_index, value in unscaled.items():
                if not np.array_equal(self.forest.tree(tree_index)["value"], value):
                    self.forest.tree(tree_index)["value"][...] = value
                    self.forest.scale(tree_index, 1.0)  # tells the forest that it has changed
            raise

    def _tree_seed(self, round_index, k):
        return mix_seed(self.grower_seed, _TREE_STREAM, round_index, k)

    def _gradients(self, k):
        """Gradients of one output, into `_g` and `_h`; their statistics."""
        stats = self.objective.gradients(self.y, self.raw, self.weight, k, self._g, self._h, self.n_threads)
        if max(stats[:2]) >= _HUGE and (self.weight is not None or self.objective.name == "custom"):
            raise ValueError(
                "gradients of the loss, multiplied by the weights, are too large for float32: divide the "
                "sample weights (or what the custom loss returns) by a constant"
            )
        return stats

    def _count_roots(self, round_index, first):
        """Count the roots of the trees from output `first` on that are counted together."""
        last = min(first + self._together, self.n_outputs)
        for k in range(first, last):
            stats = self._gradients(k)
            self.grower.share_root(k - first, self._g, self._h, self._tree_seed(round_index, k), stats)
        self.grower.count_roots(last - first)

    def _sample_and_grow(self, round_index, k):
        """A tree of output k on what has been drawn for it; the rows that have not been."""
        stats = self._gradients(k)
        rows, rest = self.row_sampler.draw(k, self._g, self._h)
        if rows is not None or self.row_sampler.reweights:
            stats = None  # they were those of all rows, before the sampling
        features = None
        if self.feature_fraction < 1.0:
            features = draw_features(
                self._n_features, self.feature_fraction, mix_seed(self.seed, _FEATURE_STREAM), round_index, k
            )
        seed = self._tree_seed(round_index, k)
        tree = self.grower.grow(
            self._g, self._h, seed, rows=rows, features=features, weights=self.leaf_weight, stats=stats
        )
        return tree, rest

    def _grow_tree(self, round_index, k, factor):
        objective, grower, rest = self.objective, self.grower, None
        if self._together > 1:
            seed = self._tree_seed(round_index, k)
            tree = grower.grow_shared(k % self._together, seed, weights=self.leaf_weight)
        else:
            tree, rest = self._sample_and_grow(round_index, k)
        value, leaves = tree["value"], grower.leaf_nodes
        if objective.refit:
            rows_of_leaves = [grower.leaf_rows(i) for i in range(leaves.size)]
            value[leaves] = objective.leaf_values(
                self.y, self.raw, self.weight, rows_of_leaves, self.n_threads
            )
            if self.monotonic_cst is not None:
                _restore_order(tree, self.monotonic_cst)
        elif value.size == 1:
            value[0] = 0.0  # no split was worth its price: the tree must not move the scores
        with np.errstate(over="ignore"):
            value *= factor
        if not np.isfinite(value).all():
            raise ValueError("a leaf value is not finite: the fit diverges, lower learning_rate")
        self.forest.append(tree, k)
        grower.add_leaf_values(value[leaves], self.raw[k])
        if rest is not None:
            tree_index = self.forest.n_trees - 1
            add_tree(self.forest, tree_index, self.binned, self.raw[k], rows=rest, n_threads=self.n_threads)

    def _reorder(self):
        """Put the training rows into the order of the last tree's leaves."""
        order = self.grower.row_order()
        self.binned.reorder(order, n_threads=self.n_threads)
        self.y = gather(self.y, order, self.n_threads)
        if self.weight is not None:
            self.weight = gather(self.weight, order, self.n_threads)
            if self.leaf_weight is not None:
                self.leaf_weight = self.weight
        for scores in self.raw:
            scores[:] = gather(scores, order, self.n_threads)
        self.moved(self.y, self.weight, self.raw)

    def _leave_out(self, round_index):
        """Subtract the trees of the dropped rounds from the training scores; return their indices."""
        dropped = [
            int(r) * self.n_outputs + k for r in self.dropout.draw(round_index) for k in range(self.n_outputs)
        ]
        for tree_index in dropped:
            raw = self.raw[self.forest.output_of(tree_index)]
            add_tree(self.forest, tree_index, self.binned, raw, n_threads=self.n_threads, factor=-1.0)
        return dropped

    def _put_back(self, tree_index, factor):
        """Return a dropped tree to the scores, at its new scale."""
        k = self.forest.output_of(tree_index)
        add_tree(self.forest, tree_index, self.binned, self.raw[k], n_threads=self.n_threads, factor=factor)
        for rows in self.watched:
            add_tree(
                self.forest,
                tree_index,
                rows.binned,
                rows.raw[k],
                n_threads=self.n_threads,
                factor=factor - 1.0,
            )


def _restore_order(tree, monotonic_cst):
    """Move refitted leaf values so that the monotonic constraints hold again.

    The grower's bounds were for Newton steps; medians and quantiles may cross. Inner nodes get the mean of
    their rows' values, each constrained split bounds its two sides by the middle of its children's, and the
    leaves are moved inside the bounds that they inherit.
    """
    left, right, feature, count, value = (tree[f] for f in ("left", "right", "feature", "count", "value"))
    for node in range(value.size - 1, -1, -1):
        if left[node] >= 0:
            a, b = left[node], right[node]
            value[node] = (value[a] * count[a] + value[b] * count[b]) / max(1, count[a] + count[b])
    bounds = np.empty((value.size, 2))
    bounds[0] = -np.inf, np.inf
    for node in range(value.size):
        value[node] = min(max(value[node], bounds[node, 0]), bounds[node, 1])
        if left[node] < 0:
            continue
        a, b = left[node], right[node]
        bounds[a] = bounds[b] = bounds[node]
        direction = monotonic_cst[feature[node]]
        if direction:
            middle = min(max((value[a] + value[b]) / 2, bounds[node, 0]), bounds[node, 1])
            low, high = (a, b) if direction > 0 else (b, a)
            bounds[low, 1] = bounds[high, 0] = middle


def margin_baseline(objective, y, weight, raw, n_threads, n_steps=30, tolerance=1e-10):
    """Constant to add to given scores that minimises the loss: the intercept of a model with an offset.

    Newton's method with halved steps; losses whose leaves are refitted have a closed form.

    Parameters
    ----------
    objective : Objective
    y : array of shape (n_rows,)
    weight : float64 array of shape (n_rows,) or None
    raw : float64 array of shape (n_outputs, n_rows)
        The given scores (base margin).
    n_threads : int

    Returns
    -------
    float64 array of shape (n_outputs,)
    """
    n_outputs, n_rows = raw.shape
    if objective.refit:
        everything = np.arange(n_rows, dtype=np.uint32)
        return np.array([objective.leaf_value(y, raw, weight, everything)], dtype=np.float64)
    baseline = np.zeros(n_outputs)
    g, h = np.empty(n_rows, dtype=np.float32), np.ones(n_rows, dtype=np.float32)
    loss = objective.loss(y, raw, weight)
    for _ in range(n_steps):
        moved = raw + baseline[:, None]
        objective.start_round(y, moved, weight, n_threads)
        step = np.zeros(n_outputs)
        for k in range(n_outputs):
            objective.gradients(y, moved, weight, k, g, h, n_threads)
            step[k] = -g.sum(dtype=np.float64) / max(h.sum(dtype=np.float64), 1e-12)
        # Far from the minimum a whole step may overshoot: halve it until the loss falls.
        for _ in range(60):
            new_loss = objective.loss(y, raw + (baseline + step)[:, None], weight)
            if new_loss <= loss:
                break
            step /= 2
        else:
            break
        baseline += step
        done = np.abs(step).max() <= tolerance * max(1.0, np.abs(baseline).max()) or new_loss == loss
        loss = new_loss
        if done:
            break
    return baseline
