"""The slow, obvious growth of a classification or regression tree: every split of every node is tried.

The call and the result are those of `fastml._engine.tree.cart.CartGrower`. Nothing is shared with it but the
definitions: codes (0 is missing), thresholds, the order of ties (feature, code, missing right first) and the
node numbers (parents before their left subtree before their right one; in order of expansion with
`max_leaf_nodes`). What is drawn at random is drawn differently.
"""

import heapq
import math
from dataclasses import dataclass, field

import numpy as np

EPS = np.finfo(np.float64).eps
# Gains that differ by less are ties: the sums behind them were rounded.
TIE = 1e-10
FEW_CATEGORIES = 4
# Most values of a feature in a node that tells them apart, and rows of a node that always does; most rows of
# others, which have at most half the rows of the node above them in which that was tried last.
RECODED = 255
RECODED_ROWS = 4096


class BinValues:
    """Least and greatest training value in each code of each numerical feature.

    Attributes
    ----------
    lower, upper : float64 arrays of shape (n_features, 256)
        NaN where no value has the code, and for categorical features.
    """

    def __init__(self, X, codes, is_categorical=None):
        X = np.asarray(X, dtype=np.float64)
        n_features = X.shape[1]
        self.lower = np.full((n_features, 256), np.nan)
        self.upper = np.full((n_features, 256), np.nan)
        for f in range(n_features):
            if is_categorical is not None and is_categorical[f]:
                continue
            for code in np.unique(codes[:, f]):
                if code:
                    own = X[codes[:, f] == code, f]
                    self.lower[f, code], self.upper[f, code] = own.min(), own.max()


class ValueRanks:
    """Values of the features of which some code stands for several: {feature: one value a row}."""

    def __init__(self, X, values):
        self.columns = {int(f): X[:, f] for f in np.flatnonzero((values.lower < values.upper).any(axis=1))}


def bootstrap_counts(seed, n_rows, n_draws, weights=None):
    """How often each row is drawn: int32 array of shape (n_rows,)."""
    rng = np.random.default_rng(int(seed))
    p = None if weights is None else np.asarray(weights) / np.sum(weights)
    return np.bincount(rng.choice(n_rows, n_draws, p=p), minlength=n_rows).astype(np.int32)


# -- impurities: of the rows of a node, from their targets and weights


def class_shares(y, w, n_classes):
    """Weight of each class divided by the weight of all, one array per output."""
    return [np.bincount(y[:, k], w, n)[:n] / w.sum() for k, n in enumerate(n_classes)]


def weighted_median(y, w):
    """Middle of all values between which half of the weight lies on either side."""
    order = np.argsort(y, kind="stable")
    y, below = y[order], np.cumsum(w[order])
    half = below[-1] / 2
    i = int(np.searchsorted(below, half - EPS * below[-1]))
    if abs(below[i] - half) <= EPS * below[-1] and i + 1 < len(y):
        return (y[i] + y[i + 1]) / 2
    return y[i]


def leaf_value(criterion, y, w, n_classes):
    if n_classes is not None:
        return np.concatenate(class_shares(y, w, n_classes))
    if criterion == "absolute_error":
        return np.array([weighted_median(y[:, k], w) for k in range(y.shape[1])])
    return (w[:, None] * y).sum(axis=0) / w.sum()


def impurity(criterion, y, w, n_classes):
    if len(w) == 0:
        return 0.0
    if n_classes is not None:
        shares = class_shares(y, w, n_classes)
        if criterion == "gini":
            return float(np.mean([1 - (p * p).sum() for p in shares]))
        return float(np.mean([-(p[p > 0] * np.log2(p[p > 0])).sum() for p in shares]))
    value = leaf_value(criterion, y, w, None)
    if criterion == "absolute_error":
        loss = np.abs(y - value)
    elif criterion == "poisson":
        if (value <= EPS / w.sum()).any():
            return math.inf
        loss = np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / value), 0.0)
    else:
        loss = (y - value) ** 2
    return float((w[:, None] * loss).sum() / (w.sum() * y.shape[1]))


# -- one split


@dataclass
class Split:
    gain: float = -math.inf  # of the impurity, times the node's weight
    feature: int = -1
    code: int = 0
    threshold: float = math.nan
    missing_left: bool = False
    rank: int = 0
    category_set: np.ndarray | None = None
    left: np.ndarray | None = None  # mask over the rows of the node
    values: tuple = ()  # of the left and of the right child


def halfway(a, b):
    middle = a / 2 + b / 2
    return a if middle == b or not math.isfinite(middle) else middle


def place_threshold(lower, upper, a, b, middle=None):
    """(code, threshold) between the codes a < b, neighbours in the node; never inside a bin."""
    if middle is None:
        middle = halfway(upper[a], lower[b])
    used = [c for c in range(a, b + 1) if upper[c] == upper[c]]
    last = max([c for c in used[:-1] if upper[c] <= middle], default=a)
    after = min(c for c in used if c > last)
    return last, halfway(upper[last], lower[after]) if not upper[last] <= middle < lower[after] else middle


@dataclass
class Node:
    rows: np.ndarray
    depth: int
    path: int
    low: float = -math.inf
    high: float = math.inf
    impurity: float = 0.0
    value: np.ndarray | None = None
    split: Split | None = None
    children: list = field(default_factory=lambda: [-1, -1])
    apart: frozenset = frozenset()  # features whose values are told apart
    tried: float = math.inf


class CartGrower:
    """Grows trees; see the head of the module."""

    def __init__(
        self,
        binned,
        values,
        ranks=None,
        *,
        criterion,
        n_classes=None,
        splitter="best",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_leaf=0.0,
        max_features=None,
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        monotonic_cst=None,
        balance_classes=False,
        n_threads=1,
    ):
        self.codes = np.asarray(binned.column_codes).T
        self.n_codes = np.asarray(binned.n_codes)
        self.is_categorical = np.asarray(binned.is_categorical).astype(bool)
        self.lower, self.upper = values.lower, values.upper
        self.criterion = criterion
        self.n_classes = n_classes
        self.splitter = splitter
        self.max_depth = math.inf if max_depth is None else max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_leaf = min_weight_leaf
        self.max_features = self.codes.shape[1] if max_features is None else max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.columns = {} if ranks is None or max_leaf_nodes is not None else ranks.columns
        self.min_impurity_decrease = min_impurity_decrease
        self.monotonic_cst = monotonic_cst
        self.balance_classes = balance_classes

    def grow(self, targets, weights, seeds, n_draws=None):
        """One tree, a dict of arrays, for each seed."""
        return [self._grow(targets, weights, int(seed), n_draws) for seed in seeds]

    def _grow(self, targets, weights, seed, n_draws):
        n_rows = len(self.codes)
        if n_draws is None:
            w = np.ones(n_rows) if weights is None else np.array(weights, dtype=np.float64)
        else:
            w = bootstrap_counts(seed, n_rows, n_draws, weights).astype(np.float64)
        if self.balance_classes:
            counts = w.copy()
            for k, n in enumerate(self.n_classes):
                sums = np.bincount(targets[:, k], counts, n)
                present = (sums > 0).sum()
                w *= (counts.sum() / (present * np.where(sums > 0, sums, 1)))[targets[:, k]]
        self.y, self.w, self.seed = targets, w, seed
        rows = np.flatnonzero(w > 0)
        self.total = w.sum()
        root = self._node(rows, 0, 1, -math.inf, math.inf)
        nodes = self._depth_first(root) if self.max_leaf_nodes is None else self._best_first(root)
        return self._arrays(nodes)

    # -- order of growth

    def _depth_first(self, root):
        nodes, stack = [], [(root, None, 0)]
        while stack:
            node, parent, side = stack.pop()
            if parent is not None:
                nodes[parent].children[side] = len(nodes)
            nodes.append(node)
            if node.split is not None:
                left, right = self._children(node)
                stack += [(right, len(nodes) - 1, 1), (left, len(nodes) - 1, 0)]
        return nodes

    def _best_first(self, root):
        nodes = [root]
        frontier = [(-self._improvement(root), 0)]
        n_leaves = 1
        while frontier:
            _, i = heapq.heappop(frontier)
            node = nodes[i]
            if node.split is None or n_leaves == self.max_leaf_nodes:
                node.split = None
                continue
            n_leaves += 1
            for side, child in enumerate(self._children(node)):
                node.children[side] = len(nodes)
                heapq.heappush(frontier, (-self._improvement(child), len(nodes)))
                nodes.append(child)
        return nodes

    def _improvement(self, node):
        return 0.0 if node.split is None else node.split.gain / self.total

    # -- a node

    def _node(self, rows, depth, path, low, high, apart=frozenset(), tried=None):
        y, w = self.y[rows], self.w[rows]
        node = Node(rows, depth, path, low, high, apart=apart, tried=len(rows) if tried is None else tried)
        node.impurity = impurity(self.criterion, y, w, self.n_classes)
        node.value = leaf_value(self.criterion, y, w, self.n_classes)
        if self.monotonic_cst is not None:
            if self.n_classes is None:
                node.value = np.clip(node.value, low, high)
            elif len(node.value) == 2:
                second = np.clip(node.value[1], low, high)
                node.value = np.array([1 - second, second])
        if not (
            depth >= self.max_depth
            or len(rows) < max(self.min_samples_split, 2 * self.min_samples_leaf)
            or w.sum() < 2 * self.min_weight_leaf
            or node.impurity <= EPS
        ):
            split = self._best_split(node)
            if split.feature >= 0 and split.gain / self.total + EPS >= self.min_impurity_decrease:
                node.split = split
        return node

    def _children(self, node):
        split = node.split
        bounds = [(node.low, node.high), (node.low, node.high)]
        direction = 0 if self.monotonic_cst is None else self.monotonic_cst[split.feature]
        if direction:
            middle = sum(split.values) / 2
            bounds = [(node.low, middle), (middle, node.high)]
            if direction < 0:
                bounds.reverse()
        return [
            self._node(
                node.rows[mask], node.depth + 1, 2 * node.path + side, *bounds[side], node.apart, node.tried
            )
            for side, mask in enumerate((split.left, ~split.left))
        ]

    # -- search

    def _best_split(self, node):
        rng = np.random.default_rng(
            [self.seed, *node.path.to_bytes(node.path.bit_length() // 8 + 1, "little")]
        )
        best = Split()
        self._tell_apart(node)
        for feature in self._drawn_features(node, rng):
            codes, lower, upper = self._codes(node, feature)
            if self.splitter == "random":
                candidates = self._random_candidates(feature, codes, lower, upper, rng)
            elif self.is_categorical[feature]:
                candidates = self._category_candidates(node.rows, codes)
            else:
                candidates = self._candidates(feature, codes, lower, upper)
            for candidate in candidates:
                candidate.feature = feature
                if feature in node.apart and math.isfinite(candidate.threshold):
                    column = self.columns[feature]
                    below = column[column <= candidate.threshold]
                    candidate.code, candidate.rank = 0, len(np.unique(below))
                self._judge(node, candidate)
                if candidate.gain > best.gain + TIE * abs(best.gain if best.feature >= 0 else 0.0):
                    best = candidate
        if best.feature >= 0:
            self._send_what_is_absent(node, best)
        return best

    def _tell_apart(self, node):
        """Find the features whose values are few enough in the node to have a code each."""
        n = len(node.rows)
        if n <= RECODED or (self.splitter == "best" and n <= min(RECODED_ROWS, node.tried / 2)):
            node.tried = n
            columns = {f: column[node.rows] for f, column in self.columns.items()}
            few = {f for f, x in columns.items() if len(np.unique(x[x == x])) <= RECODED}
            node.apart = node.apart | few

    def _codes(self, node, feature):
        """The rows' codes, and least and greatest value of each code."""
        rows = node.rows
        if feature not in node.apart:
            return self.codes[rows, feature], self.lower[feature], self.upper[feature]
        column = self.columns[feature][rows]
        known = np.unique(column[column == column])
        codes = np.where(column == column, 1 + np.searchsorted(known, column), 0)
        own = np.concatenate([[np.nan], known])
        return codes, own, own

    def _drawn_features(self, node, rng):
        """Features to look at: so many as wanted, constant ones counted, at least one that varies."""
        n_features = self.codes.shape[1]
        varies = [len(np.unique(self._codes(node, f)[0])) > 1 for f in range(n_features)]
        order = range(n_features) if self.max_features >= n_features else rng.permutation(n_features)
        drawn = []
        for n, f in enumerate(order):
            if n >= self.max_features and drawn:
                break
            if varies[f]:
                drawn.append(int(f))
        return sorted(drawn)

    def _candidates(self, feature, codes, lower, upper):
        missing = codes == 0
        present = [int(c) for c in np.unique(codes) if c]
        for a, b in zip(present, [*present[1:], None], strict=True):
            if b is None:
                code, threshold = int(self.n_codes[feature]) - 1, math.inf
            else:
                code, threshold = place_threshold(lower, upper, a, b)
            for missing_left in (False, True) if missing.any() else (False,):
                if b is None and (missing_left or not missing.any()):
                    continue
                left = ((codes <= code) | (b is None)) & ~missing | (missing & missing_left)
                yield Split(code=code, threshold=threshold, missing_left=missing_left, left=left)

    def _random_candidates(self, feature, codes, lower, upper, rng):
        present = [int(c) for c in np.unique(codes) if c]
        missing = codes == 0
        missing_left = bool(rng.integers(2)) and missing.any()
        if self.is_categorical[feature]:
            chosen = rng.integers(2, size=len(present)).astype(bool)
            if len(present) > 1:
                while chosen.all() or not chosen.any():
                    chosen = rng.integers(2, size=len(present)).astype(bool)
            left = np.isin(codes, np.array(present)[chosen]) | (missing & missing_left)
            if left.any() and not left.all():
                yield self._set_split(left, codes, missing_left)
            return
        if len(present) == 1:  # against the missing values
            yield Split(code=int(self.n_codes[feature]) - 1, threshold=math.inf, left=~missing)
            return
        drawn = rng.uniform(lower[present[0]], upper[present[-1]])
        a = max([c for c in present[:-1] if upper[c] <= drawn], default=present[0])
        b = present[present.index(a) + 1]
        code, threshold = place_threshold(lower, upper, a, b, drawn)
        left = (codes <= code) & ~missing | (missing & missing_left)
        yield Split(code=code, threshold=threshold, missing_left=missing_left, left=left)

    def _category_candidates(self, rows, codes):
        y, w = self.y[rows], self.w[rows]
        missing = codes == 0
        present = np.array([c for c in np.unique(codes) if c])
        one_number = self.n_classes is None or self.n_classes == (2,)
        if not one_number and len(present) <= FEW_CATEGORIES:
            groups = [[c] for c in present]
        else:
            order = present[np.argsort(self._category_scores(y, w, codes, present), kind="stable")]
            groups = [order[: i + 1] for i in range(len(order))]
        for group in groups:
            for missing_left in (False, True) if missing.any() else (False,):
                left = np.isin(codes, group) | (missing & missing_left)
                if left.any() and not left.all():
                    yield self._set_split(left, codes, missing_left)

    def _category_scores(self, y, w, codes, present):
        """What categories are sorted by: mean target, or the first principal direction of shares."""
        masks = [codes == c for c in present]
        means = np.array([leaf_value("mean", y[m], w[m], self.n_classes) for m in masks])
        if self.n_classes == (2,):
            return means[:, 1]
        if means.shape[1] == 1:
            return means[:, 0]
        part = np.array([w[m].sum() for m in masks])
        centred = means - part @ means / part.sum()
        _, vectors = np.linalg.eigh((centred * part[:, None]).T @ centred)
        direction = vectors[:, -1] * np.sign(vectors[np.abs(vectors[:, -1]).argmax(), -1])
        return centred @ direction

    def _set_split(self, left, codes, missing_left):
        bits = np.zeros(256, dtype=np.uint8)
        bits[codes[left]] = 1
        bits[0] = missing_left
        return Split(missing_left=missing_left, category_set=bits, left=left)

    def _judge(self, node, split):
        """Set the gain, minus infinity where the split is not allowed."""
        rows = node.rows
        sides = (rows[split.left], rows[~split.left])
        if min(len(side) for side in sides) < max(1, self.min_samples_leaf):
            return
        if min(self.w[side].sum() for side in sides) < self.min_weight_leaf:
            return
        values = [leaf_value(self.criterion, self.y[s], self.w[s], self.n_classes) for s in sides]
        if self.monotonic_cst is not None and self.monotonic_cst[split.feature]:
            a, b = split.values = tuple(float(v[-1]) for v in values)
            if not (node.low <= a <= node.high and node.low <= b <= node.high):
                return
            if (b - a) * self.monotonic_cst[split.feature] < 0:
                return
        parts = [impurity(self.criterion, self.y[s], self.w[s], self.n_classes) for s in sides]
        if not all(math.isfinite(part) for part in parts):
            return  # poisson: a child without counts
        weight = [self.w[s].sum() for s in sides]
        split.gain = sum(weight) * node.impurity - sum(p * v for p, v in zip(parts, weight, strict=True))

    def _send_what_is_absent(self, node, split):
        """What no row here has, missing values or a category, later goes with the greater part."""
        codes = self.codes[node.rows, split.feature]
        most_left = 2 * split.left.sum() > len(split.left)
        if not (codes == 0).any():
            split.missing_left = bool(most_left)
        if split.category_set is not None:
            absent = np.setdiff1d(np.arange(256), codes)
            split.category_set[absent] = most_left

    # -- the result

    def _arrays(self, nodes):
        n = len(nodes)
        tree = {
            "left": np.full(n, -1, dtype=np.int32),
            "right": np.full(n, -1, dtype=np.int32),
            "feature": np.full(n, -1, dtype=np.int32),
            "threshold": np.full(n, np.nan),
            "code": np.zeros(n, dtype=np.uint8),
            "rank": np.zeros(n, dtype=np.uint16),
            "missing_left": np.zeros(n, dtype=np.uint8),
            "category_set": np.full(n, -1, dtype=np.int32),
            "count": np.array([len(node.rows) for node in nodes], dtype=np.int32),
            "weight": np.array([self.w[node.rows].sum() for node in nodes]),
            "impurity": np.array([node.impurity for node in nodes]),
            "value": np.array([node.value for node in nodes]),
        }
        sets = []
        for i, node in enumerate(nodes):
            split = node.split
            if split is None:
                continue
            tree["left"][i], tree["right"][i] = node.children
            tree["feature"][i], tree["code"][i] = split.feature, split.code
            tree["rank"][i] = split.rank
            tree["threshold"][i], tree["missing_left"][i] = split.threshold, split.missing_left
            if split.category_set is not None:
                tree["category_set"][i] = len(sets)
                sets.append(np.packbits(split.category_set, bitorder="little"))
        tree["category_sets"] = np.array(sets, dtype=np.uint8).reshape(-1, 32)
        return tree
