"""Maps that find their size, and hierarchies of them."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastml._engine.dense.online import METRICS, NEIGHBOURHOODS
from fastml._input.targets import check_weight
from fastml._rollback import rollback
from fastml.cluster import som_growing_state
from fastml.cluster.som import SOM
from fastml.cluster.som_quality import distances_between
from fastml.cluster.som_rows import check_feature_weight, read_rows

__all__ = ["GrowingSOM"]


class GrowingSOM(ClusterMixin, BaseEstimator):
    """A self-organising map that grows, and grows maps below it [1]_.

    A map begins with 2 x 2 nodes. As long as the rows are too far from their nodes in the mean, a row or a
    column is put between the node with the greatest error and the neighbour that is least like it, and the
    map is trained again. Then each node that is still far from its rows becomes a map of its own, of its rows
    alone, down to `max_depth`.

    Parameters
    ----------
    growth_threshold : float, default=0.5
        A map grows until the mean error of its nodes is at most this share of the error of the node above it
        (of the first map: of the rows' distance from their mean). Smaller: larger maps.
    depth_threshold : float, default=0.05
        A node gets a map below it if its error is above this share of the rows' distance from their mean.
        Smaller: deeper hierarchies.
    max_depth : int, default=1
        Levels of maps; 1: a single growing map.
    max_nodes : int, default=256
        Most nodes of a map; a row or column that would go beyond is not put in.
    min_samples_split : int, default=20
        Fewest rows of a node that gets a map below it.
    topology, surface, neighbourhood, metric, feature_weight
        As of :class:`SOM`. A hexagonal torus grows by two rows at once.
    max_iter : int, default=10
        Passes over the rows each time that a map has grown.
    radius_end : float, default=0.5
        Last radius of the neighbourhood.
    random_state : int, RandomState instance or None, default=None
        Taken for symmetry: nothing is drawn but the rows of the first principal components, if X is long.
    n_jobs : int or None, default=None
        Threads; None means all cores. The number of threads never changes the maps.
    verbose : int, default=0
        1: a line for each map; 2: a line each time that one grows.

    Attributes
    ----------
    maps_ : list of SOM
        The first map, then those below it, level by level.
    parent_map_, parent_node_ : int32 ndarrays of shape (n_maps,)
        Map and node that a map belongs to; -1 for the first.
    child_map_ : list of int32 ndarrays of shape (n_nodes,)
        For each map the number of the map below each node, -1 where there is none.
    depth_ : int32 ndarray of shape (n_maps,)
        1 for the first map.
    labels_ : int32 ndarray of shape (n_samples,)
        Leaf that each row ends in: nodes without a map below them, those with rows of the fit first.
    n_leaves_ : int
    n_iter_ : int
        Passes over rows, of all maps.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    See Also
    --------
    SOM : A map of given size.

    References
    ----------
    .. [1] A. Rauber, D. Merkl, M. Dittenbach. "The growing hierarchical self-organizing map." IEEE
       Transactions on Neural Networks 13, 2002. Errors are mean distances, not their sums.

    Examples
    --------
    >>> from fastml.cluster import GrowingSOM
    >>> from sklearn.datasets import load_iris
    >>> X, _ = load_iris(return_X_y=True)
    >>> model = GrowingSOM(growth_threshold=0.3, max_depth=2).fit(X)
    >>> model.maps_[0].n_rows * model.maps_[0].n_columns > 4
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "growth_threshold": [Interval(Real, 0, None, closed="neither")],
        "depth_threshold": [Interval(Real, 0, None, closed="left")],
        "max_depth": [Interval(Integral, 1, None, closed="left")],
        "max_nodes": [Interval(Integral, 4, None, closed="left")],
        "min_samples_split": [Interval(Integral, 2, None, closed="left")],
        "topology": [StrOptions({"rectangular", "hexagonal"})],
        "surface": [StrOptions({"planar", "cylindrical", "toroidal"})],
        "neighbourhood": [StrOptions(set(NEIGHBOURHOODS))],
        "metric": [StrOptions(set(METRICS))],
        "feature_weight": ["array-like", None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "radius_end": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        growth_threshold=0.5,
        depth_threshold=0.05,
        max_depth=1,
        max_nodes=256,
        min_samples_split=20,
        topology="rectangular",
        surface="planar",
        neighbourhood="gaussian",
        metric="sqeuclidean",
        feature_weight=None,
        max_iter=10,
        radius_end=0.5,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.growth_threshold = growth_threshold
        self.depth_threshold = depth_threshold
        self.max_depth = max_depth
        self.max_nodes = max_nodes
        self.min_samples_split = min_samples_split
        self.topology = topology
        self.surface = surface
        self.neighbourhood = neighbourhood
        self.metric = metric
        self.feature_weight = feature_weight
        self.max_iter = max_iter
        self.radius_end = radius_end
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    # -- fit

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Grow the maps.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
            NaN is a missing value (in arrays).
        y : Ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As :meth:`SOM.fit` does.
        """
        with rollback(self):
            self._fit(X, sample_weight)
        return self

    def _fit(self, X, sample_weight):
        X = read_rows(self, X, reset=True, metric=self.metric)
        weight = check_weight(sample_weight, X)
        check_feature_weight(self.feature_weight, X.shape[1])
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        # one node, at the mean of all rows: what the errors are measured by
        whole = self._map(1, 1, init="pca", radius=0.0, radius_end=0.0, max_iter=1).fit(
            X, sample_weight=weight
        )
        first_error = float(_errors_of_nodes(whole, X, weight)[0])
        self.maps_, self.child_map_, self.n_iter_ = [], [], 0
        parents = [(-1, -1, 1, np.arange(X.shape[0]), first_error)]
        found = []
        while parents:
            above, node, depth, rows, error = parents.pop(0)
            number = len(self.maps_)
            own = None if weight is None else weight[rows]
            som = self._grow(X[rows], own, error)
            self.maps_.append(som)
            self.child_map_.append(np.full(len(som.codebook_), -1, dtype=np.int32))
            found.append((above, node, depth))
            if above >= 0:
                self.child_map_[above][node] = number
            if self.verbose:
                print(
                    f"map {number} at depth {depth}: {som.n_rows} x {som.n_columns}, {len(rows)} rows",
                    flush=True,
                )
            if depth < self.max_depth:
                parents += self._nodes_to_split(som, X, rows, own, first_error, number, depth)
        above, node, depth = np.array(found, dtype=np.int32).T
        self.parent_map_, self.parent_node_, self.depth_ = above.copy(), node.copy(), depth.copy()
        self._number_leaves()
        self.labels_ = self._leaves(X)

    def _map(self, n_rows, n_columns, **options):
        names = ("topology", "surface", "neighbourhood", "metric", "feature_weight", "n_jobs")
        shared = {name: getattr(self, name) for name in names}
        if n_rows % 2 and self.topology == "hexagonal" and self.surface == "toroidal":
            shared["surface"] = "cylindrical"  # only the single node has an odd number of rows
        return SOM(n_rows, n_columns, random_state=self._seed, **shared | options)

    def _grow(self, X, weight, error_above):
        """One map, grown until its error is small against the error of the node above it."""
        som = self._map(2, 2, max_iter=self.max_iter, radius=1.0, radius_end=self.radius_end)
        while True:
            som.fit(X, sample_weight=weight)
            self.n_iter_ += som.n_iter_
            errors = _errors_of_nodes(som, X, weight)
            used = som.hits_.ravel() > 0
            error = errors[used].mean()
            if self.verbose > 1:
                print(
                    f"  {som.n_rows} x {som.n_columns}: mean error {error:.4g} of {error_above:.4g}",
                    flush=True,
                )
            if error <= self.growth_threshold * error_above or np.count_nonzero(used) == X.shape[0]:
                return som
            larger = self._with_line(som, int(errors.argmax()))
            if larger is None:
                return som
            som = larger

    def _with_line(self, som, worst):
        """A larger map, begun with a line between the worst node and the neighbour least like it; or None."""
        pairs, apart = som._edges()
        # a neighbour in the same row or column: a diagonal one has no line between
        row, column = np.divmod(pairs, som.n_columns)
        straight = (row[:, 0] == row[:, 1]) | (column[:, 0] == column[:, 1])
        near = np.flatnonzero((pairs[:, 0] == worst) & straight)
        other = int(pairs[near[apart[near].argmax()], 1])
        grid = som.codebook_.reshape(som.n_rows, som.n_columns, -1)
        a, b = divmod(worst, som.n_columns), divmod(other, som.n_columns)
        if a[0] == b[0]:
            grid = _line_between(grid, a[1], b[1], axis=1)
        else:
            grid = _line_between(grid, a[0], b[0], axis=0)
            if self.topology == "hexagonal" and self.surface == "toroidal":
                grid = _line_between(grid, 0, 1, axis=0)
        if grid.shape[0] * grid.shape[1] > self.max_nodes:
            return None
        options = {"max_iter": self.max_iter, "radius": 1.0, "radius_end": self.radius_end}
        return self._map(*grid.shape[:2], init=grid, **options)

    def _nodes_to_split(self, som, X, rows, weight, first_error, number, depth):
        """Nodes that get a map below them, as (map, node, depth, rows, error)."""
        errors = _errors_of_nodes(som, X[rows], weight)
        split = []
        for node in np.flatnonzero(errors > self.depth_threshold * first_error):
            own = rows[som.bmu_ == node]
            if weight is not None:
                own = own[weight[som.bmu_ == node] > 0]
            if len(own) >= self.min_samples_split:
                split.append((number, int(node), depth + 1, own, float(errors[node])))
        return split

    def _number_leaves(self):
        """Those with rows first, so that `labels_` leaves no number out."""
        below = np.concatenate(self.child_map_)
        hits = np.concatenate([som.hits_.ravel() for som in self.maps_])
        numbers = np.full(below.size, -1, dtype=np.int32)
        used, unused = np.flatnonzero((below < 0) & (hits > 0)), np.flatnonzero((below < 0) & (hits == 0))
        self._leaf_nodes = np.concatenate([used, unused])
        numbers[self._leaf_nodes] = np.arange(self._leaf_nodes.size)
        self._leaf_numbers = np.split(numbers, np.cumsum([part.size for part in self.child_map_])[:-1])
        self.n_leaves_ = int(self._leaf_nodes.size)

    # -- use

    def predict(self, X):
        """Leaf that each row ends in.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)

        Returns
        -------
        leaf : int32 ndarray of shape (n_samples,)
        """
        return self._leaves(self._read(X))

    def _read(self, X):
        check_is_fitted(self)
        dtype = self.maps_[0].codebook_.dtype
        return read_rows(self, X, reset=False, metric=self.metric, dtype=dtype)

    def _leaves(self, X):
        leaf = np.empty(X.shape[0], dtype=np.int32)
        open_maps = [(0, np.arange(X.shape[0]))]
        while open_maps:
            number, rows = open_maps.pop()
            node = self.maps_[number]._nearest(X[rows])[0]
            below = self.child_map_[number][node]
            ends = below < 0
            leaf[rows[ends]] = self._leaf_numbers[number][node[ends]]
            open_maps += [(int(child), rows[below == child]) for child in np.unique(below[~ends])]
        return leaf

    @property
    def leaf_codebook_(self):
        """Codebook rows of the leaves: ndarray of shape (n_leaves, n_features)."""
        check_is_fitted(self)
        return np.concatenate([som.codebook_ for som in self.maps_])[self._leaf_nodes]

    def quantization_error(self, X, sample_weight=None):
        """Weighted mean distance of rows to the node that they end in.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            Euclidean, not squared, for the metric "sqeuclidean".
        """
        X = self._read(X)
        leaf = self._leaves(X)
        codebook, weight = self.leaf_codebook_, self.maps_[0]._feature_weight
        away = np.empty(X.shape[0])
        for number in np.unique(leaf):
            rows = np.flatnonzero(leaf == number)
            away[rows] = distances_between(X[rows], codebook[number : number + 1], self.metric, weight)[:, 0]
        return float(np.average(away, weights=check_weight(sample_weight, X)))

    def save(self, path):
        """Write the model to a file that :func:`fastml.load` reads.

        Parameters
        ----------
        path : str, os.PathLike or binary file object
        """
        from fastml.io import save

        save(self, path)

    def _get_model_state(self):
        return som_growing_state.get_state(self)

    def _set_model_state(self, values, arrays):
        som_growing_state.set_state(self, values, arrays)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags


def _errors_of_nodes(som, X, weight):
    """Mean distance of each node's rows, 0 where there are none."""
    away = som._nearest(X)[1].astype(np.float64)
    if som.metric == "sqeuclidean":
        away = np.sqrt(away)
    w = np.ones(len(away)) if weight is None else weight
    total = np.bincount(som.bmu_, w, minlength=len(som.codebook_))
    return np.bincount(som.bmu_, w * away, minlength=len(som.codebook_)) / np.where(total > 0, total, 1)


def _line_between(grid, a, b, axis):
    """The codebook with the mean of two neighbouring lines between them; behind the last across a seam."""
    n = grid.shape[axis]
    at = max(a, b) if abs(a - b) == 1 else n
    lines = (np.take(grid, a, axis) + np.take(grid, b, axis)) / 2
    return np.insert(grid, at, lines, axis=axis)
