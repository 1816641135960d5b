"""Self-organising maps."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from fastml._input.targets import check_weight
from fastml._rollback import rollback
from fastml.cluster import som_state
from fastml.cluster.som_base import BaseSOM
from fastml.cluster.som_quality import distances_between
from fastml.cluster.som_regions import map_regions
from fastml.cluster.som_rows import read_rows, weighted_features

__all__ = ["SOM"]


class SOM(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseSOM):
    """A self-organising map [1]_.

    Nodes on a grid, each with a point in the data's space (its row of the codebook). Rows pull the nearest
    node and, less so, its neighbours on the grid, within a radius that shrinks; in the end neighbouring nodes
    stand for similar rows, and the grid is a picture of the data.

    Parameters
    ----------
    n_rows, n_columns : int, default=10
        Size of the map. Node number ``row * n_columns + column``.
    topology : {"rectangular", "hexagonal"}, default="rectangular"
        Nodes in squares, or in hexagons with odd rows shifted by half a column.
    surface : {"planar", "cylindrical", "toroidal"}, default="planar"
        A map with edges, one that is closed along its rows, or one that is closed both ways.
    neighbourhood : {"gaussian", "cut_gaussian", "bubble", "mexican_hat", "triangle", "epanechnikov"}, \
default="gaussian"
        With u the distance on the map in radii: exp(-u^2 / 2); the same up to u = 1; 1 up to u = 1;
        (1 - u^2) exp(-u^2 / 2); 1 - u up to u = 1; 1 - u^2 up to u = 1.
    map_distance : {"euclidean", "chebyshev"}, default="euclidean"
        Distance on the map: Euclidean, so that a bubble is a disc, or the larger of the gaps along x and y,
        so that it is a square.
    training : {"batch", "online", "minibatch"}, default="batch"
        "batch": nodes go to the means of the rows around them, once a pass [1]_ (section 3.6). "online":
        Kohonen's rule, row by row in random order, on one thread. "minibatch": the batch rule on parts of
        the rows, their statistics faded by the learning rate.
    metric : {"sqeuclidean", "cosine", "manhattan", "chebyshev"}, default="sqeuclidean"
        How near a node is to a row. Means are those of the rows as they are, whatever the metric.
    feature_weight : array-like of shape (n_features,), default=None
        Weights of the features in the metric (of their squared differences, under "sqeuclidean"). A feature
        of weight 0 does not count, its plane is learned nevertheless.
    init : {"pca", "sample", "random"} or array-like, default="pca"
        First codebook: the plane of the first two principal components, rows drawn, values drawn uniformly
        within the features' ranges, or an array of shape (n_nodes, n_features) or
        (n_rows, n_columns, n_features).
    max_iter : int, default=30
        Passes over the rows.
    radius : float or None, default=None
        First radius of the neighbourhood, in units of the distance of neighbours. None: a quarter of the
        longer side, at least 1. At a radius of 0 a node learns from its own rows alone.
    radius_end : float, default=1.0
        Last radius.
    radius_schedule : {"exponential", "linear", "inverse"} or callable, default="exponential"
        From the first to the last radius; or a function of the progress from 0 to 1 that returns the radius.
    learning_rate, learning_rate_end : float, default=0.5 and 0.01
        First and last share of the way that a node goes ("online"), or that new rows have in the statistics
        ("minibatch"). Above 0, at most 1.
    learning_rate_schedule : {"exponential", "linear", "inverse"} or callable, default="exponential"
    batch_size : int, default=4096
        Rows of a step of "minibatch".
    tol : float, default=1e-5
        Training ends early when the mean distance of rows to nodes has changed by at most this share in each
        of `n_iter_no_change` passes in a row.
    n_iter_no_change : int, default=5
    n_clusters : int, clusterer or None, default=None
        Regions of the map: so many, connected, by Ward's method along the map's graph, or by a scikit-learn
        clusterer of the codebook. `labels_` and `predict` are then numbers of regions instead of nodes.
    transform_to : {"distances", "coordinates"}, default="distances"
        What `transform` gives.
    warm_start : bool, default=False
        Whether `fit` goes on from the codebook of the last one.
    random_state : int, RandomState instance or None, default=None
        Seed of the order of rows and of the random starts.
    n_jobs : int or None, default=None
        Threads; None means all cores. The number of threads never changes the map.
    verbose : int, default=0
        1: at most a line a second with the time left; 2: a line for every pass.

    Attributes
    ----------
    codebook_ : ndarray of shape (n_nodes, n_features), of X's dtype
    bmu_ : int32 ndarray of shape (n_samples,)
        Node of each row.
    labels_ : int32 ndarray of shape (n_samples,)
        Region of each row; without `n_clusters` its node.
    region_labels_ : int32 ndarray of shape (n_nodes,)
        Region of each node; without `n_clusters` its number.
    hits_ : float64 ndarray of shape (n_rows, n_columns)
        Weight of each node's rows.
    errors_ : float64 ndarray of shape (n_passes,)
        Mean distance of rows to nodes in each pass, before its update; squared under "sqeuclidean".
    n_iter_ : int
        Passes made.
    grid_ : MapGrid
        Positions, distances and neighbours of the nodes.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all text.

    See Also
    --------
    SOMClassifier, SOMRegressor : Maps that learn targets too.
    GrowingSOM : Maps that find their size.

    Notes
    -----
    Missing values (NaN) are left out: distances are over the known features, means over the rows that know a
    feature, as in the SOM Toolbox [2]_. Beside the rows, batch training takes memory for sums by node,
    at most as much as the rows or 4 MB.

    References
    ----------
    .. [1] T. Kohonen. "Self-Organizing Maps." 3rd edition, Springer, 2001.
    .. [2] J. Vesanto, J. Himberg, E. Alhoniemi, J. Parhankangas. "SOM Toolbox for Matlab 5." Helsinki
       University of Technology, 2000.

    Examples
    --------
    >>> from fastml.cluster import SOM
    >>> from sklearn.datasets import load_iris
    >>> X, _ = load_iris(return_X_y=True)
    >>> som = SOM(8, 6, topology="hexagonal", n_clusters=3).fit(X)
    >>> som.hits_.shape
    (8, 6)
    >>> bool(som.topographic_error(X) < 0.1)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseSOM._parameter_constraints,
        "n_clusters": [Interval(Integral, 1, None, closed="left"), HasMethods("fit_predict"), None],
        "transform_to": [StrOptions({"distances", "coordinates"})],
    }

    def __init__(
        self,
        n_rows=10,
        n_columns=10,
        *,
        topology="rectangular",
        surface="planar",
        neighbourhood="gaussian",
        map_distance="euclidean",
        training="batch",
        metric="sqeuclidean",
        feature_weight=None,
        init="pca",
        max_iter=30,
        radius=None,
        radius_end=1.0,
        radius_schedule="exponential",
        learning_rate=0.5,
        learning_rate_end=0.01,
        learning_rate_schedule="exponential",
        batch_size=4096,
        tol=1e-5,
        n_iter_no_change=5,
        n_clusters=None,
        transform_to="distances",
        warm_start=False,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.n_rows = n_rows
        self.n_columns = n_columns
        self.topology = topology
        self.surface = surface
        self.neighbourhood = neighbourhood
        self.map_distance = map_distance
        self.training = training
        self.metric = metric
        self.feature_weight = feature_weight
        self.init = init
        self.max_iter = max_iter
        self.radius = radius
        self.radius_end = radius_end
        self.radius_schedule = radius_schedule
        self.learning_rate = learning_rate
        self.learning_rate_end = learning_rate_end
        self.learning_rate_schedule = learning_rate_schedule
        self.batch_size = batch_size
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.n_clusters = n_clusters
        self.transform_to = transform_to
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Train the map.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
            NaN is a missing value (in arrays); float32 stays float32, everything else becomes float64.
        y : Ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative. "online" draws rows in proportion to them.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For rows or features without any known value, infinite values, zero vectors under the cosine, and
            parameters that do not go together; the message says which and why.
        """
        with rollback(self):
            X = read_rows(self, X, reset=True, metric=self.metric)
            sample_weight = check_weight(sample_weight, X)
            rows = self._rows(X)
            self._train(rows, sample_weight)
            self._finish(rows, sample_weight)
            self._learned(X, sample_weight)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Go on training with some rows.

        The rows are one step of "minibatch" training ("online" training takes them one by one, in their
        order). Radius and learning rate follow their schedules over the first `max_iter` calls and then stay.
        The first call makes the codebook from its rows; `bmu_`, `labels_` and `hits_` are those of the last
        call's rows.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
        y : Ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self
        """
        with rollback(self):
            self._partial_fit(X, sample_weight)
        return self

    def _partial_fit(self, X, sample_weight):
        first = not hasattr(self, "_n_calls") or not hasattr(self, "codebook_")
        self._check_parameters()
        dtype = None if first else self.codebook_.dtype
        X = read_rows(self, X, reset=first, metric=self.metric, dtype=dtype)
        sample_weight = check_weight(sample_weight, X)
        rows = self._rows(X)
        self._go_on(rows, sample_weight, first)
        self._finish(rows, sample_weight)
        self._learned(X, sample_weight)

    def _learned(self, X, sample_weight):
        """What follows from the codebook."""
        if self.n_clusters is None:
            self.region_labels_ = np.arange(len(self.codebook_), dtype=np.int32)
        else:
            nodes = weighted_features(self.codebook_, self._feature_weight, self.metric).astype(np.float64)
            if self.metric == "cosine":
                nodes /= np.maximum(np.linalg.norm(nodes, axis=1, keepdims=True), np.finfo(np.float64).tiny)
            self.region_labels_ = map_regions(nodes, self.grid_, self.hits_.ravel(), self.n_clusters)
        self.labels_ = self.region_labels_[self.bmu_]

    def predict(self, X):
        """Region of each row; without `n_clusters` its node (which `winners` always gives).

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)

        Returns
        -------
        label : int32 ndarray of shape (n_samples,)
        """
        node = self.winners(X)
        return self.region_labels_[node]

    def transform(self, X):
        """Distances to the nodes, or the node's coordinates on the map.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray, of the codebook's dtype
            "distances": of shape (n_samples, n_nodes), Euclidean, not squared, for the metric "sqeuclidean".
            "coordinates": of shape (n_samples, 2), x and y of the row's node.
        """
        X = self._read(X)
        if self.transform_to == "coordinates":
            return self.grid_.positions[self._nearest(X)[0]].astype(self.codebook_.dtype)
        return distances_between(X, self.codebook_, self.metric, self._feature_weight)

    def inverse_transform(self, X):
        """Codebook rows of nodes.

        Parameters
        ----------
        X : array-like
            Numbers of nodes, of shape (n_samples,); or what `transform` gave: distances of shape
            (n_samples, n_nodes), or coordinates of shape (n_samples, 2), of which the nearest node counts.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = np.asarray(X)
        n_nodes = len(self.codebook_)
        if X.ndim == 1:
            if X.dtype.kind not in "iu" or (X.size and (X.min() < 0 or X.max() >= n_nodes)):
                raise ValueError(f"numbers of nodes must be integers from 0 to {n_nodes - 1}")
            return self.codebook_[X]
        X = check_array(X, dtype=np.float64)
        expected = 2 if self.transform_to == "coordinates" else n_nodes
        if X.shape[1] != expected:
            raise ValueError(
                f"X has {X.shape[1]} columns, expected the {expected} of transform_to={self.transform_to!r}"
            )
        if self.transform_to == "coordinates":
            X = distances_between(X, self.grid_.positions, "sqeuclidean", None)
        return self.codebook_[X.argmin(axis=1)]

    def score(self, X, y=None, sample_weight=None):
        """Minus the quantisation error: greater is better.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
        y : Ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        return -self.quantization_error(X, sample_weight)

    @property
    def _n_features_out(self):
        return 2 if self.transform_to == "coordinates" else len(self.codebook_)

    def _get_model_state(self):
        return som_state.get_state(self)

    def _set_model_state(self, values, arrays):
        som_state.set_state(self, values, arrays)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
