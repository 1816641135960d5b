"""Fitting and asking of one classification or regression tree."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, _fit_context, clone
from sklearn.utils import Bunch, metadata_routing
from sklearn.utils._param_validation import StrOptions

from fastml.tree import state
from fastml.tree.arrays import TreeArrays
from fastml.tree.limits import features_per_node
from fastml.tree.model import CartModel, drawn_seed, seed_of_growth
from fastml.tree.parameters import LIMITS
from fastml.tree.pruning import prune, pruning_path

__all__ = ["BaseTree", "warn_of_friedman"]


def warn_of_friedman(criterion):
    """Say of "friedman_mse" what scikit-learn says of it."""
    if isinstance(criterion, str) and criterion == "friedman_mse":
        warnings.warn(
            'Value `"friedman_mse"` for `criterion` is deprecated and will be removed in 1.11. It maps to '
            '`"squared_error"` as both were always equivalent. Use `criterion="squared_error"` to remove '
            "this warning.",
            FutureWarning,
            stacklevel=4,
        )


class BaseTree(CartModel, MultiOutputMixin, BaseEstimator, ABC):
    """Base class of the four tree estimators."""

    # `check_input` says how, not what: nothing to be passed around in a pipeline.
    __metadata_request__fit: ClassVar[dict] = {"check_input": metadata_routing.UNUSED}
    __metadata_request__predict: ClassVar[dict] = {"check_input": metadata_routing.UNUSED}

    _parameter_constraints: ClassVar[dict] = {**LIMITS, "splitter": [StrOptions({"best", "random"})]}

    @abstractmethod
    def __init__(self):
        """Two abstract levels up, so that nobody makes a tree of no kind."""

    def _store_parameters(self, given):
        """Keep what ``__init__`` was given, unchecked and unchanged, as scikit-learn's rules want it."""
        warn_of_friedman(given["criterion"])
        for name, value in given.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, check_input=True):
        """Grow the tree.

        Parameters
        ----------
        X : array-like, data frame, sparse matrix of shape (n_samples, n_features), or BinnedTable
            Numbers (NaN, None and masked values are missing), and text or categories in categorical columns.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels of any kind that can be sorted, or real numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative. A row of weight 0 is not seen.
        check_input : bool, default=True
            Ignored: the checks cost next to nothing.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For values that a tree cannot learn from; the message says which and why.
        """
        training = self._read_training(X, y, sample_weight)
        grower, cart = self._grower(training, splitter=self.splitter)
        self.max_features_ = features_per_node(self.max_features, self.n_features_in_)
        seeds = np.array([seed_of_growth(self._random_seed)], dtype=np.uint64)
        tree = grower.grow(training.seen_targets, training.weight, seeds)[0]
        if self.ccp_alpha > 0:
            tree = prune(tree, self.ccp_alpha)
        cart.append(tree)
        cart.arrays()  # joined now: the first predictions may come from several threads at once
        self._cart = cart
        return self

    @property
    def tree_(self):
        """The tree node by node, with the arrays that scikit-learn's tools read: `TreeArrays`."""
        self._check_fitted()
        views = self._cart.views
        if "tree_" not in views:
            views["tree_"] = TreeArrays(self)
        return views["tree_"]

    def get_depth(self):
        """Depth of the deepest leaf, 0 if there is no split."""
        self._check_fitted()
        return self.tree_.max_depth

    def get_n_leaves(self):
        """Number of leaves."""
        self._check_fitted()
        return self.tree_.n_leaves

    def apply(self, X, check_input=True):
        """Leaf that each row falls into.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or BinnedTable
        check_input : bool, default=True
            Ignored.

        Returns
        -------
        leaves : intp ndarray of shape (n_samples,)
            Numbers of nodes.
        """
        self._check_fitted()
        return self._leaves(X)[:, 0].astype(np.intp)

    def decision_path(self, X, check_input=True):
        """Nodes that each row passes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or BinnedTable
        check_input : bool, default=True
            Ignored.

        Returns
        -------
        indicator : CSR matrix of shape (n_samples, n_nodes)
            1 where the row passes the node.
        """
        self._check_fitted()
        return self.tree_.decision_path(X)

    def cost_complexity_pruning_path(self, X, y, sample_weight=None):
        """Grow the tree and find at which values of `ccp_alpha` it loses its branches.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        path : :class:`~sklearn.utils.Bunch`
            ``ccp_alphas`` and ``impurities``, float64 arrays: from the whole tree to its root the alpha at
            which each subtree begins, and the impurity of its leaves.
        """
        whole = clone(self).set_params(ccp_alpha=0.0).fit(X, y, sample_weight=sample_weight)
        alphas, impurities = pruning_path(whole._cart.tree(0))
        return Bunch(ccp_alphas=alphas, impurities=impurities)

    @property
    def feature_importances_(self):
        """Decrease of the impurity by the splits of each feature, normalised to a sum of 1.

        Features with many distinct values come out too important, see `sklearn.inspection`'s
        `permutation_importance`, or a forest's `oob_importances`.
        """
        self._check_fitted()
        return self.tree_.compute_feature_importances()

    def save(self, path):
        """Write the model to a file that :func:`fastml.load` reads.

        Parameters
        ----------
        path : str, os.PathLike or binary file object
        """
        from fastml.io import save

        save(self, path)

    def _get_model_state(self):
        return state.get_state(self)

    def _set_model_state(self, values, arrays):
        state.set_state(self, values, arrays)
        self.max_features_ = features_per_node(self.max_features, self.n_features_in_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    @classmethod
    def _view(cls, parent, cart, number, parameters):
        """The fitted tree of a forest, as an estimator of its own.

        Parameters
        ----------
        parent : estimator
            What it has learned about features and classes holds for the tree.
        cart : CartForest
            With this one tree.
        number : int
            Its `random_state`.
        parameters : dict
        """
        tree = cls(**parameters, random_state=number)
        for name in (
            "n_features_in_",
            "n_outputs_",
            "is_categorical_",
            "_categories",
            "_mapper",
            "_bins_mark",
        ):
            setattr(tree, name, getattr(parent, name))
        if cart.n_classes is not None:
            # the numbers of classes, as in scikit-learn's forests
            known = [np.arange(n, dtype=np.float64) for n in cart.n_classes]
            tree.classes_ = known if cart.n_outputs > 1 else known[0]
            tree.n_classes_ = parent.n_classes_
        tree._random_seed = drawn_seed(number)
        tree._cart = cart
        tree.max_features_ = features_per_node(tree.max_features, tree.n_features_in_)
        return tree
