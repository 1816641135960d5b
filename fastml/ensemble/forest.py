"""Forests: many trees, grown from one binned table, kept in one compact storage."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from numbers import Integral
from typing import ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, _fit_context
from sklearn.exceptions import DataConversionWarning
from sklearn.utils._param_validation import Interval, RealNotInt

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.cart import bootstrap_counts
from fastml._engine.tree.cart_pack import impurity_decreases
from fastml.ensemble import forest_state
from fastml.ensemble.forest_trees import ForestTrees
from fastml.ensemble.leaf_targets import LeafTargets
from fastml.ensemble.out_of_bag import in_bag_bits, oob_importances, oob_scores, oob_values
from fastml.ensemble.progress import Progress
from fastml.ensemble.proximity import proximities
from fastml.tree.base import warn_of_friedman
from fastml.tree.model import CartModel, Training, growth_seeds, tree_numbers
from fastml.tree.parameters import LIMITS
from fastml.tree.pruning import prune

__all__ = ["BaseForest"]

_TREE_PARAMETERS = (
    "criterion",
    "max_depth",
    "min_samples_split",
    "min_samples_leaf",
    "min_weight_fraction_leaf",
    "max_features",
    "max_leaf_nodes",
    "min_impurity_decrease",
    "ccp_alpha",
    "monotonic_cst",
    "n_jobs",
    "categorical_features",
    "max_bins",
    "exact",
)
_LEARNED = ("_cart", "_random_seed", "_bins_mark")  # by the trees that a warm start goes on from


class BaseForest(CartModel, MultiOutputMixin, BaseEstimator, ABC):
    """Base class of the four forests."""

    _parameter_constraints: ClassVar[dict] = {
        **LIMITS,
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "bootstrap": ["boolean"],
        "oob_score": ["boolean", callable],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "max_samples": [
            None,
            Interval(RealNotInt, 0.0, None, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
        ],
    }

    _balances_by_weight = True
    _positive = "strictly positive"

    # The estimator of a single tree, and how its thresholds are found.
    _tree_class: ClassVar[type]
    _splitter: ClassVar[str]

    @abstractmethod
    def __init__(self):
        """Abstract, so that nobody makes a forest of no kind."""

    def _store_parameters(self, given):
        """Keep what ``__init__`` was given, unchecked and unchanged, as scikit-learn's rules want it."""
        warn_of_friedman(given["criterion"])
        for name, value in given.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    # -- a fit, in order

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Grow the forest.

        Parameters
        ----------
        X : array-like, data frame, sparse matrix of shape (n_samples, n_features), or BinnedTable
            Numbers (NaN, None and masked values are missing), and text or categories in categorical columns.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels of any kind that can be sorted, or real numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative. With `bootstrap` rows are drawn in proportion to them (and to class
            weights), and what is drawn counts by how often it was drawn, as in scikit-learn.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For values that a forest cannot learn from; the message says which and why.
        KeyboardInterrupt
            After Ctrl-C; the estimator is as it was before.
        """
        before = vars(self).copy()
        try:
            self._fit(X, y, sample_weight)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def _fit(self, X, y, sample_weight):
        if not self.bootstrap and self.max_samples is not None:
            raise ValueError(
                "`max_sample` cannot be set if `bootstrap=False`. Either switch to `bootstrap=True` or set "
                "`max_sample=None`."
            )
        if not self.bootstrap and self.oob_score:
            raise ValueError("Out of bag estimation only available if bootstrap=True")
        if sparse.issparse(y):
            raise ValueError("sparse multilabel-indicator for y is not supported.")
        if y is not None and np.asarray(y).ndim == 2 and np.asarray(y).shape[1] == 1:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
                "(n_samples,), for example using ravel().",
                DataConversionWarning,
                stacklevel=4,
            )
        warm = self.warm_start and hasattr(self, "_cart")
        grown = len(self._cart) if warm else 0
        if grown > self.n_estimators:
            raise ValueError(
                f"n_estimators={self.n_estimators} must be larger or equal to "
                f"len(estimators_)={grown} when warm_start==True"
            )
        learned = {name: getattr(self, name) for name in _LEARNED} if warm else {}
        if warm and grown == self.n_estimators:
            warnings.warn(
                "Warm-start fitting without increasing n_estimators does not fit new trees.", stacklevel=4
            )
            if not self.oob_score or hasattr(self, "oob_score_"):
                return
        progress = Progress(int(self.verbose), grown, self.n_estimators)
        training = self._read_training(X, y, sample_weight)
        progress.note("Bins and codes")
        self._n_samples, self._sample_weight = training.table.shape[0], training.weight
        self._n_samples_bootstrap = self._draws(training)
        balance = self._balances_sample()
        grower, cart = self._grower(training, splitter=self._splitter, balance_classes=balance)
        if warm:
            self._continue(learned, cart)
        else:
            self._cart = cart
            self._importance_sum, self._n_split_trees = np.zeros(self.n_features_in_), 0
        self._grow(grower, training, grown, progress)
        if self.oob_score and (self.n_estimators > grown or not hasattr(self, "oob_score_")):
            self._set_oob_score_and_attributes(training)

    def _read_training(self, X, y, sample_weight):
        seed = getattr(self, "_random_seed", None) if self.warm_start else None
        training = super()._read_training(X, y, sample_weight)
        if seed is not None:  # the trees that are to come are those of a larger forest
            self._random_seed = seed
        return training

    def _continue(self, learned, new):
        old = learned["_cart"]
        same = ("criterion", "n_classes", "n_outputs", "explicit")
        for name in same:
            if getattr(old, name) != getattr(new, name):
                raise ValueError(
                    f"warm_start=True needs data and parameters of the same kind: {name} was "
                    f"{getattr(old, name)!r} and is {getattr(new, name)!r}"
                )
        self._cart = old.copy()
        if self._bins_mark != learned["_bins_mark"]:
            self._bins_mark = ""

    def _draws(self, training):
        """Rows drawn for each tree, None without bootstrap."""
        if not self.bootstrap:
            return None
        n_rows = training.table.shape[0]
        if self.max_samples is None:
            return n_rows
        if isinstance(self.max_samples, Integral):
            return int(self.max_samples)
        draws = max(int(self.max_samples * training.total_weight), 1)
        if draws < max(10, n_rows ** (1 / 3)):
            total = "the number of samples" if training.weight is None else "the total sum of sample weights"
            warnings.warn(
                f"Using the fractional value max_samples={self.max_samples} when {total} is "
                f"{training.total_weight:g} results in a low number ({draws}) of bootstrap samples. We "
                "recommend passing `max_samples` as an integer instead.",
                stacklevel=5,
            )
        return draws

    def _weight_of_tree(self, training):
        draws = self._n_samples_bootstrap
        return training.total_weight if draws is None else float(draws)

    def _balances_sample(self):
        return False

    def _grow(self, grower, training, grown, progress):
        """Trees `grown` to `n_estimators`, some at a time: for Ctrl-C, progress, and bounded memory."""
        progress.begin()
        # `grow` has its threads each at a tree; a few trees a thread keep them all at work
        step = 4 * self._threads()
        seeds = growth_seeds(tree_numbers(self._random_seed, 0, self.n_estimators))
        for first in range(grown, self.n_estimators, step):
            check()
            chosen = seeds[first : min(first + step, self.n_estimators)]
            trees = grower.grow(training.seen_targets, training.weight, chosen, self._n_samples_bootstrap)
            if self.ccp_alpha > 0:
                trees = [prune(tree, self.ccp_alpha) for tree in trees]
            self._cart.extend(trees, self._threads())
            for tree in trees:
                self._note_importances(tree)
            if self.verbose:
                n_leaves = sum(len(tree["left"]) // 2 + 1 for tree in trees)
                progress.round_done(min(first + step, self.n_estimators), n_leaves, {})
        self._cart.arrays()  # joined now: the first predictions may come from several threads at once
        self._leaf_targets = None
        if getattr(self, "leaf_targets", False):
            self._leaf_targets = LeafTargets(training.targets).read(self, training)
        progress.end(self.n_estimators, self.n_estimators)

    def _note_importances(self, tree):
        if len(tree["left"]) > 1:
            gains = impurity_decreases(tree, self.n_features_in_)
            self._importance_sum = self._importance_sum + gains / (gains.sum() or 1.0)
            self._n_split_trees += 1

    # -- trees one by one

    @property
    def estimator(self):
        """A tree with default parameters."""
        return self._tree_class()

    @property
    def estimator_(self):
        """An unfitted estimator with the parameters of a tree."""
        self._check_fitted()
        return self._tree_class(**self._tree_parameters())

    def _tree_parameters(self):
        return {name: getattr(self, name) for name in _TREE_PARAMETERS}

    @property
    def estimators_(self):
        """The trees as fitted estimators, each made when it is asked for."""
        self._check_fitted()
        return ForestTrees(self)

    @property
    def estimators_samples_(self):
        """Rows that each tree was grown from, as often as they were drawn: list of integer arrays."""
        self._check_fitted()
        rows = np.arange(self._n_samples, dtype=np.int32)
        return [np.repeat(rows, self._counts(i)) for i in range(len(self._cart))]

    def _counts(self, index):
        """How often each row was drawn for a tree."""
        if self._n_samples_bootstrap is None:
            return np.ones(self._n_samples, dtype=np.int32)
        seed = growth_seeds(tree_numbers(self._random_seed, index, index + 1))[0]
        return bootstrap_counts(seed, self._n_samples, self._n_samples_bootstrap, self._sample_weight)

    def __len__(self):
        """Number of trees."""
        return len(self._cart) if hasattr(self, "_cart") else 0

    def __getitem__(self, index):
        return self.estimators_[index]

    def __iter__(self):
        return iter(self.estimators_)

    # -- rows to leaves

    def apply(self, X):
        """Leaf that each row falls into, in each tree.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        leaves : int32 ndarray of shape (n_samples, n_estimators)
            Numbers of nodes inside the trees.
        """
        self._check_fitted()
        return self._leaves(X)

    def decision_path(self, X):
        """Nodes that each row passes in the trees.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        indicator : CSR matrix of shape (n_samples, n_nodes)
            1 where the row passes the node.
        n_nodes_ptr : int64 ndarray of shape (n_estimators + 1,)
            Columns n_nodes_ptr[i] to n_nodes_ptr[i + 1] are the nodes of tree i.
        """
        paths = [tree.decision_path(X) for tree in self.estimators_]
        offsets = np.cumsum([0, *(path.shape[1] for path in paths)])
        return sparse.hstack(paths).tocsr(), offsets

    def proximities(self, X, Y=None, *, top=None):
        """Share of the trees in which two rows fall into the same leaf [1]_.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or BinnedTable
        Y : array-like of shape (n_others, n_features), or BinnedTable, default=None
            Rows to compare with; None: X itself.
        top : int, default=None
            Keep so many of the greatest proximities of each row (of equal ones the first); None: all that
            are not zero.

        Returns
        -------
        CSR array of shape (n_samples, n_others), float64

        References
        ----------
        .. [1] L. Breiman. "Random Forests." Machine Learning 45, 2001; "Manual on setting up, using, and
           understanding random forests", 2002.
        """
        self._check_fitted()
        own = self._leaves(X)
        return proximities(own, own if Y is None else self._leaves(Y), top)

    # -- importance

    @property
    def feature_importances_(self):
        """Decrease of the impurity by the splits of each feature, normalised: float64 (n_features,).

        The mean over trees. Features with many distinct values come out too important: see
        `oob_importances`.
        """
        self._check_fitted()
        mean = self._importance_sum / max(self._n_split_trees, 1)
        total = mean.sum()
        return mean / total if total else mean

    def oob_importances(self, X, y):
        """Importance of the features, measured on the rows that a tree has not seen [1]_.

        A split counts for as much as it moves the prediction of out-of-bag rows towards their targets. A
        feature that only lets the tree learn rows by heart comes out at zero, however many values it has,
        which is where `feature_importances_` misleads.

        Parameters
        ----------
        X, y
            The training rows, in the order of `fit`.

        Returns
        -------
        ndarray of shape (n_features,)
            In units of the Gini impurity or the variance, the mean over trees. May be negative by chance.

        Raises
        ------
        ValueError
            Without bootstrap, or if the number of rows is not that of the fit.

        References
        ----------
        .. [1] X. Li, Y. Wang, S. Basu, K. Kumbier, B. Yu. "A Debiased MDI Feature Importance Measure for
           Random Forests." NeurIPS 2019 (MDI-oob).
        """
        rows, targets = self._training_rows(X, y)
        return oob_importances(self, rows, targets)

    # -- out of bag

    def oob_curve(self, X, y, scoring=None):
        """Out-of-bag score of the forest's first tree, first two trees, and so on.

        Parameters
        ----------
        X, y
            The training rows, in the order of `fit`.
        scoring : callable, default=None
            Takes ``(y_true, y_pred)``; accuracy or R2 by default. Rows that no tree has an opinion on yet are
            left out.

        Returns
        -------
        scores : float64 ndarray of shape (n_estimators,)
            NaN while there is no row to score.
        """
        rows, targets = self._training_rows(X, y)
        return oob_scores(self, rows, targets, scoring or self._default_score())

    def _training_rows(self, X, y):
        """The training rows again, and their encoded targets."""
        self._check_fitted()
        if self._n_samples_bootstrap is None:
            raise ValueError("Out of bag estimation only available if bootstrap=True")
        rows = self._rows(X)
        targets = self._encode_again(y)
        if rows.n_rows != self._n_samples or len(targets) != self._n_samples:
            raise ValueError(
                f"X and y must be the {self._n_samples} training rows, got {rows.n_rows} rows and "
                f"{len(targets)} targets"
            )
        return rows, targets

    def _oob_values(self, training: Training):
        values, n_used = oob_values(self, self._rows(training.X))
        if (n_used == 0).any():
            warnings.warn(
                "Some inputs do not have OOB scores. This probably means too few trees were used to compute "
                "any reliable OOB estimates.",
                stacklevel=6,
            )
        return values

    def _in_bag(self, first, last):
        return in_bag_bits(self._counts(i) for i in range(first, last))

    @abstractmethod
    def _set_oob_score_and_attributes(self, training):
        """Compute the out-of-bag predictions and their score."""

    @abstractmethod
    def _default_score(self):
        """What a forest is scored by if nothing is said."""

    @abstractmethod
    def _encode_again(self, y):
        """The target as `fit` encoded it."""

    # -- files

    def save(self, path):
        """Write the model to a file that :func:`fastml.load` reads.

        Parameters
        ----------
        path : str, os.PathLike or binary file object
        """
        from fastml.io import save

        save(self, path)

    def _get_model_state(self):
        return forest_state.get_state(self)

    def _set_model_state(self, values, arrays):
        forest_state.set_state(self, values, arrays)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags
