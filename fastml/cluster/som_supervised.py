"""Maps that learn targets: planes of classes or numbers beside those of the features."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Real
from typing import ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d

from fastml._input.targets import check_weight
from fastml._rollback import rollback
from fastml.cluster import som_state
from fastml.cluster.som_base import BaseSOM
from fastml.cluster.som_rows import check_feature_weight, read_rows
from fastml.io.errors import ModelFileError
from fastml.io.state import StateReader

__all__ = ["SOMClassifier", "SOMRegressor"]


class BaseSupervisedSOM(BaseSOM):
    """Base class of maps with target planes.

    Features and targets are one table, in which a target that is not known is a missing value: the map is
    trained on it as any other, and asked with the features alone.
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseSOM._parameter_constraints,
        "metric": [StrOptions({"sqeuclidean", "manhattan"})],
        "label_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_rows=10,
        n_columns=10,
        *,
        label_weight=0.5,
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
        radius_end=0.5,
        radius_schedule="exponential",
        learning_rate=0.5,
        learning_rate_end=0.01,
        learning_rate_schedule="exponential",
        batch_size=4096,
        tol=1e-5,
        n_iter_no_change=5,
        warm_start=False,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.n_rows = n_rows
        self.n_columns = n_columns
        self.label_weight = label_weight
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
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @abstractmethod
    def _targets(self, y, n_rows, classes=None):
        """Targets as a float64 array of shape (n_rows, n_targets), NaN where they are not known.

        `classes` are those of the first call of ``partial_fit``, of a classifier.
        """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the map on rows and their targets.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
            NaN is a missing value (in arrays).
        y : array-like of shape (n_samples,), of a regressor also (n_samples, n_outputs)
            Targets; NaN (for classes also None) where the target is not known: such rows teach the map
            the features only.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As :meth:`SOM.fit` does; and if no target is known.
        """
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        with rollback(self):
            self._fit(X, y, sample_weight)
        return self

    def _fit(self, X, y, sample_weight):
        X = read_rows(self, X, reset=True, metric=self.metric)
        sample_weight = check_weight(sample_weight, X)
        targets = self._targets(y, X.shape[0])
        self._joint_weight = self._weigh(X, targets, sample_weight)
        self._train(self._joint_rows(X, targets), sample_weight)
        self._split(X.shape[1])
        self._finish(self._rows(X), sample_weight)

    def _partial_fit(self, X, y, sample_weight, classes=None):
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        first = self._is_new()
        self._check_parameters()
        dtype = None if first else self.codebook_.dtype
        X = read_rows(self, X, reset=first, metric=self.metric, dtype=dtype)
        sample_weight = check_weight(sample_weight, X)
        targets = self._targets(y, X.shape[0], classes)
        if not first and targets.shape[1] != self.planes_.shape[1]:
            raise ValueError(
                f"y has {targets.shape[1]} targets, expected {self.planes_.shape[1]} as in the first call"
            )
        if first or self._joint_weight is None:
            self._joint_weight = self._weigh(X, targets, sample_weight)
        if not first:
            self.codebook_, self._feature_weight = self._kept_codebook(), self._joint_weight
        self._go_on(self._joint_rows(X, targets), sample_weight, first)
        self._split(X.shape[1])
        self._finish(self._rows(X), sample_weight)

    def _is_new(self):
        return not hasattr(self, "_n_calls") or not hasattr(self, "planes_")

    def _joint_rows(self, X, targets):
        """Features and targets as one table."""
        joint = targets.astype(X.dtype)
        joint = sparse.hstack([X, joint], format="csr") if sparse.issparse(X) else np.hstack([X, joint])
        return self._rows(joint)

    def _weigh(self, X, targets, sample_weight):
        """Weights of features and targets: `label_weight` is that of all targets against all features."""
        if np.isnan(targets).all():
            raise ValueError("y holds no known target (all are missing)")
        own = check_feature_weight(self.feature_weight, X.shape[1])
        own = np.ones(X.shape[1]) if own is None else own
        spread_X, spread_y = (_spread(table, sample_weight, self.metric) for table in (X, targets))
        share = (own @ spread_X) / spread_y.sum() if spread_y.any() else 1.0
        return np.append(own, np.full(targets.shape[1], self.label_weight * (share or 1.0)))

    def _weight_of_features(self, n_features):
        return self._joint_weight

    def _first_codebook(self, X, grid, sample_weight):
        """The codebook of features and targets; a given one has the features alone."""
        if isinstance(self.init, str):
            return super()._first_codebook(X, grid, sample_weight)
        n_features = self.n_features_in_
        given = super()._first_codebook(X[:, :n_features], grid, sample_weight)
        targets = X[:, n_features:]
        targets = targets.toarray() if sparse.issparse(targets) else targets
        mean = np.broadcast_to(np.nanmean(targets, axis=0), (grid.n_nodes, targets.shape[1]))
        return np.ascontiguousarray(np.hstack([given, mean]), dtype=X.dtype)

    def _kept_codebook(self):
        return np.hstack([self.codebook_, self.planes_]) if hasattr(self, "planes_") else None

    def _split(self, n_features):
        joint = self.codebook_
        self.codebook_ = np.ascontiguousarray(joint[:, :n_features])
        self.planes_ = np.ascontiguousarray(joint[:, n_features:])
        self._feature_weight = check_feature_weight(self.feature_weight, n_features)

    def target_planes(self):
        """What the map has learned of each target (of a classifier: the share of each class).

        Returns
        -------
        ndarray of shape (n_targets, n_rows, n_columns)
        """
        return self._shares().T.reshape(-1, self.n_rows, self.n_columns)

    def _shares(self):
        return self.planes_

    def _get_model_state(self):
        values, arrays = som_state.map_arrays(self)
        if self._joint_weight is not None:
            arrays["joint_weight"] = self._joint_weight
        return values, arrays | {"planes": self.planes_}

    def _read_map(self, state, n_targets):
        """Check what classifiers and regressors have in common; returns the fitted attributes."""
        planes = state.array("planes", None, (self.n_rows * self.n_columns, n_targets))
        if planes.dtype.kind != "f" or not np.isfinite(planes).all() or planes.shape[1] < 1:
            raise ModelFileError("the planes of the targets must be finite, at least one")
        fitted = som_state.read_map(self, state, planes.shape[1])
        if planes.dtype != fitted["codebook_"].dtype:
            raise ModelFileError(f"the planes must be {fitted['codebook_'].dtype}, found {planes.dtype}")
        weight = None  # files of maps that could not go on learning have none
        if "joint_weight" in state:
            n_joint = fitted["n_features_in_"] + planes.shape[1]
            weight = check_feature_weight(state.array("joint_weight", np.float64, (n_joint,)), n_joint)
        return fitted | {"planes_": planes, "_joint_weight": weight}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _spread(table, sample_weight, metric):
    """Weighted variance of each column, or mean absolute deviation under "manhattan"."""
    w = np.ones(table.shape[0]) if sample_weight is None else sample_weight
    if sparse.issparse(table):
        mean = np.asarray(table.T @ w).ravel() / w.sum()
        square = table.multiply(table) if metric == "sqeuclidean" else abs(table)
        spread = np.asarray(square.T @ w).ravel() / w.sum()
        return np.maximum(spread - mean**2, 0) if metric == "sqeuclidean" else spread
    known = ~np.isnan(table)
    total = np.maximum(w @ known, np.finfo(np.float64).tiny)
    filled = np.where(known, table, 0.0)
    away = np.where(known, table - (w @ filled) / total, 0.0)
    return (w @ (away**2 if metric == "sqeuclidean" else np.abs(away))) / total


class SOMClassifier(ClassifierMixin, BaseSupervisedSOM):
    """A self-organising map that learns classes [1]_.

    The classes are further features of the rows, one plane for each, with a weight of their own; a node's
    values there are the shares of the classes around it. A row is given to its node by its features alone.

    Parameters
    ----------
    n_rows, n_columns : int, default=10
        Size of the map.
    label_weight : float, default=0.5
        Weight of the classes in the search for a row's node while training, against all features together.
        0: the map forms as without classes, and these are learned on the way.
    metric : {"sqeuclidean", "manhattan"}, default="sqeuclidean"
    init : {"pca", "sample", "random"} or array-like, default="pca"
        As of :class:`SOM`; an array is a codebook of the features alone.
    radius_end : float, default=0.5
        Last radius.
    topology, surface, neighbourhood, map_distance, training, feature_weight
        As of :class:`SOM`.
    max_iter, radius, radius_schedule, learning_rate, learning_rate_end, learning_rate_schedule
        As of :class:`SOM`.
    batch_size, tol, n_iter_no_change, warm_start, random_state, n_jobs, verbose
        As of :class:`SOM`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    codebook_ : ndarray of shape (n_nodes, n_features)
    planes_ : ndarray of shape (n_nodes, n_classes)
        What the nodes have learned of the classes.
    bmu_, hits_, errors_, n_iter_, grid_, n_features_in_, feature_names_in_
        As of :class:`SOM`.

    See Also
    --------
    SOM : Maps without targets, with all their methods.

    References
    ----------
    .. [1] T. Kohonen. "Self-Organizing Maps." 3rd edition, Springer, 2001, section 5.10.

    Examples
    --------
    >>> from fastml.cluster import SOMClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> bool(SOMClassifier(8, 6).fit(X, y).score(X, y) > 0.9)
    True
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go on training with some rows, as :meth:`SOM.partial_fit` does.

        The first call decides how much the classes weigh against the features.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            NaN and None are labels that are not known; in the first call at least one is.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `fit` does; and without `classes` in the first call, with others later, or for labels that are
            not among them.
        """
        with rollback(self):
            new = self._is_new()
            if new and classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            if classes is None:
                classes = self.classes_
            classes = np.unique(column_or_1d(classes))
            if not new and not np.array_equal(classes, self.classes_):
                raise ValueError(f"classes={classes} are not those of the first call: {self.classes_}")
            self._partial_fit(X, y, sample_weight, classes)
        return self

    def _targets(self, y, n_rows, classes=None):
        y = column_or_1d(y, warn=True)
        check_consistent_length(y, np.empty(n_rows))
        if y.dtype.kind == "f" and np.isinf(y).any():
            raise ValueError("Input y contains infinity, expected class labels.")
        missing = np.array([label is None or label != label for label in y.tolist()], dtype=bool)
        known = y[~missing]
        if known.size == 0:
            if classes is not None:
                self.classes_ = classes
            return np.full((n_rows, 1 if classes is None else classes.size), np.nan)
        if y.dtype.kind == "O":
            known = np.array(known.tolist())
        check_classification_targets(known)
        found, codes = np.unique(known, return_inverse=True)
        if classes is None:
            self.classes_ = found
        else:
            self.classes_, codes = classes, _codes(found, classes)[codes]
        targets = np.full((n_rows, self.classes_.size), np.nan)
        targets[~missing] = np.eye(self.classes_.size)[codes]
        return targets

    def _shares(self):
        shares = np.maximum(self.planes_.astype(np.float64), 0)
        total = shares.sum(axis=1, keepdims=True)
        return np.where(total > 0, shares / np.where(total > 0, total, 1), 1 / shares.shape[1])

    def predict_proba(self, X):
        """Shares of the classes around each row's node.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)

        Returns
        -------
        p : float64 ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        node = self.winners(X)
        return self._shares()[node]

    def predict(self, X):
        """Class with the greatest share around each row's node.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        shares = self.predict_proba(X)
        return self.classes_[shares.argmax(axis=1)]

    def _get_model_state(self):
        values, arrays = super()._get_model_state()
        return values, arrays | {"classes": self.classes_}

    def _set_model_state(self, values, arrays):
        state = StateReader(values, arrays)
        classes = state.array("classes", shape=(None,))
        if classes.size == 0 or len(set(classes.tolist())) != classes.size:
            raise ModelFileError("classes must be distinct labels, at least one")
        fitted = self._read_map(state, classes.size)
        state.finish()
        vars(self).update(fitted, classes_=classes)


def _codes(labels, classes):
    """Numbers of the labels among all classes, both sorted."""
    new = np.setdiff1d(labels, classes)
    if new.size:
        raise ValueError(f"y has labels that are not among the classes of the first call: {new}")
    return np.searchsorted(classes, labels)


class SOMRegressor(RegressorMixin, MultiOutputMixin, BaseSupervisedSOM):
    """A self-organising map that learns numbers [1]_.

    The targets are further features of the rows, with a weight of their own; a node's values there are the
    means of the targets around it. A row is given to its node by its features alone.

    Parameters
    ----------
    n_rows, n_columns : int, default=10
        Size of the map.
    label_weight : float, default=0.5
        Weight of the targets in the search for a row's node while training, against all features together.
        0: the map forms as without targets, and these are learned on the way.
    metric : {"sqeuclidean", "manhattan"}, default="sqeuclidean"
    init : {"pca", "sample", "random"} or array-like, default="pca"
        As of :class:`SOM`; an array is a codebook of the features alone.
    radius_end : float, default=0.5
        Last radius.
    topology, surface, neighbourhood, map_distance, training, feature_weight
        As of :class:`SOM`.
    max_iter, radius, radius_schedule, learning_rate, learning_rate_end, learning_rate_schedule
        As of :class:`SOM`.
    batch_size, tol, n_iter_no_change, warm_start, random_state, n_jobs, verbose
        As of :class:`SOM`.

    Attributes
    ----------
    codebook_ : ndarray of shape (n_nodes, n_features)
    planes_ : ndarray of shape (n_nodes, n_outputs)
        What the nodes have learned of the targets.
    bmu_, hits_, errors_, n_iter_, grid_, n_features_in_, feature_names_in_
        As of :class:`SOM`.

    See Also
    --------
    SOM : Maps without targets, with all their methods.

    References
    ----------
    .. [1] T. Kohonen. "Self-Organizing Maps." 3rd edition, Springer, 2001, section 5.10.

    Examples
    --------
    >>> from fastml.cluster import SOMRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> bool(SOMRegressor(6, 6).fit(X, y).score(X, y) > 0.3)
    True
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Go on training with some rows, as :meth:`SOM.partial_fit` does.

        The first call decides how much the targets weigh against the features.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            NaN is a target that is not known; in the first call at least one is.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `fit` does; and for another number of targets than in the first call.
        """
        with rollback(self):
            self._partial_fit(X, y, sample_weight)
        return self

    def _targets(self, y, n_rows, classes=None):
        y = check_array(y, ensure_2d=False, dtype=np.float64, ensure_all_finite="allow-nan", input_name="y")
        check_consistent_length(y, np.empty(n_rows))
        self._one_output = y.ndim == 1
        return y.reshape(n_rows, -1)

    def predict(self, X):
        """Mean of the targets around each row's node.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        node = self.winners(X)
        return self.planes_[node, 0] if self._one_output else self.planes_[node]

    def _get_model_state(self):
        values, arrays = super()._get_model_state()
        return values | {"one_output": self._one_output}, arrays

    def _set_model_state(self, values, arrays):
        state = StateReader(values, arrays)
        one_output = state.boolean("one_output")
        fitted = self._read_map(state, 1 if one_output else None) | {"_one_output": one_output}
        state.finish()
        vars(self).update(fitted)
