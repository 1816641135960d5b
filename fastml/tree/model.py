"""What a tree and a forest of trees have in common: reading tables and targets, growing, finding leaves."""

from __future__ import annotations

import threading
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from fastml._engine.runtime.progress import RowProgress
from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._engine.tree.cart import CartGrower
from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.cart_sums import sum_values
from fastml._engine.tree.flat_trees import used_features
from fastml._engine.tree.shap_planes import ValuePlanes
from fastml._engine.tree.table import Table
from fastml._engine.tree.value_predictor import ValuePredictor
from fastml._engine.tree.value_rows import ValueRows
from fastml._engine.tree.walk import leaves
from fastml._input.tables import check_table
from fastml.inspection.shap import ShapModel
from fastml.inspection.trees import ShownTrees
from fastml.tree.classes import labels_of_shares, split_outputs
from fastml.tree.limits import growth_limits, monotonic_signs
from fastml.tree.state import check_pickled, describe_forest
from fastml.tree.table import BinnedTable
from fastml.tree.targets import check_sample_weight, class_weights, read_classes, read_numbers

__all__ = ["CartModel", "Training", "drawn_seed", "growth_seeds", "seed_of_growth", "tree_numbers"]

# Another name of a criterion; the Friedman gain of two children orders splits as the squared error does.
_CRITERIA = {"log_loss": "entropy", "friedman_mse": "squared_error"}


class Training:
    """What a fit grows trees from.

    Attributes
    ----------
    X : BinnedTable, array, data frame or sparse matrix
        As it was given, checked.
    table : BinnedTable
    targets : int32 or float64 array of shape (n_rows, n_outputs)
    seen_targets : array of shape (n_rows, n_outputs)
        The same; of rows without weight any.
    weight : float64 array of shape (n_rows,) or None
    n_classes : tuple of int or None
    """

    def __init__(self, X, table, targets, weight, n_classes):
        self.X = X
        self.table = table
        self.targets = self.seen_targets = targets
        if n_classes is None and weight is not None and not weight.all():
            # the fixed point of the sums must not depend on targets that do not count
            self.seen_targets = np.where(weight[:, None] > 0, targets, targets[weight > 0][:1])
        self.weight = weight
        self.n_classes = n_classes

    @property
    def total_weight(self):
        return float(len(self.targets)) if self.weight is None else float(self.weight.sum())

    @property
    def whole_weights(self):
        return self.weight is None or bool((self.weight == np.rint(self.weight)).all())


def tree_numbers(seed, first, last):
    """`random_state` of the trees of a forest: each depends on its seed and the tree's place alone.

    Returns
    -------
    list of int, from 0 to 2**31 - 1
    """
    return (_mixed(seed, first, last) >> np.uint64(32) & np.uint64(0x7FFFFFFF)).tolist()


def seed_of_growth(seed):
    """What a tree of this seed is grown by: the first of `_mixed`, as an int, which is quicker for one."""
    z = (0x9E3779B97F4A7C15 + (seed << 32)) & _BITS
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _BITS
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _BITS
    return z ^ (z >> 31)


def growth_seeds(numbers):
    """What trees of these `random_state` are grown by: uint64 array of shape (n_trees,)."""
    return np.array([seed_of_growth(drawn_seed(number)) for number in numbers], dtype=np.uint64)


def drawn_seed(random_state):
    """The seed that an estimator of this `random_state` draws: an int below 2**32."""
    if isinstance(random_state, Integral):
        # to seed a generator takes 2 us, to make one 80
        if not hasattr(_own, "generator"):
            _own.generator = np.random.RandomState()
        _own.generator.seed(random_state)
        return _draw(_own.generator)
    return _draw(check_random_state(random_state))


_own = threading.local()
_BITS = (1 << 64) - 1
_MOST_SEED = (1 << 32) - 1


def _draw(generator):
    return int(generator.randint(_MOST_SEED, dtype="u8"))


def _mixed(seed, first, last):
    """Bits that have nothing to do with those of any other seed and place (splitmix64)."""
    with np.errstate(over="ignore"):
        z = np.arange(first + 1, last + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64(seed) << np.uint64(32)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


class CartModel(ShownTrees, ShapModel):
    """Mixin of the estimators that are made of classification or regression trees.

    Attributes
    ----------
    _cart : CartForest
    _categories : CategoryEncoder
    _mapper : BinMapper or None
        Kept where a feature is categorical: its codes are what prediction compares.
    _bins_mark : str
        Of the bins that the model was fitted in; empty if they are not the same for all trees.
    """

    _positive = "positive"
    # Whether "balanced" classes are balanced by the rows' weights; else by their number.
    _balances_by_weight = False

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_cart")

    def _check_fitted(self):
        if not hasattr(self, "_cart"):
            check_is_fitted(self)

    def __setstate__(self, state):
        super().__setstate__(state)
        if hasattr(self, "_cart"):
            check_pickled(self)

    def _describe_forest(self):
        return describe_forest(self, self._cart)

    # -- a fit, in order

    def _read_training(self, X, y, sample_weight):
        """Check and encode the arguments of a fit; sets what is learned from them."""
        if isinstance(X, BinnedTable):
            self._take_names(X)
        else:
            X = check_table(self, X, self.categorical_features)
        n_rows = X.shape[0]
        name = type(self).__name__
        n_classes = None
        if is_classifier(self):
            targets, classes, y = read_classes(y, name)
            n_classes = tuple(known.size for known in classes)
        else:
            targets = read_numbers(y, name, self.criterion, self._positive)
        check_consistent_length(X if hasattr(X, "shape") else Table(X), targets)
        weight = check_sample_weight(sample_weight, n_rows)
        if n_classes is not None:
            self.classes_ = classes if len(classes) > 1 else classes[0]
            self.n_classes_ = np.array(n_classes, dtype=np.intp) if len(classes) > 1 else n_classes[0]
            counted = weight if self._balances_by_weight else None
            own = class_weights(self._class_weight_of_rows(), y, targets, n_classes, counted)
            if own is not None:
                weight = own if weight is None else weight * own
        self.n_outputs_ = targets.shape[1]
        self._draw_seed()
        table = X
        if not isinstance(X, BinnedTable):
            table = BinnedTable._of(
                X,
                self.max_bins,
                self.categorical_features,
                weight,
                self._random_seed,
                self._threads(),
                self._splits_exactly(n_rows),
            )
        self.is_categorical_ = table.is_categorical_
        self._categories = table._categories
        self._mapper = None if table.is_categorical_ is None else table._mapper
        self._bins_mark = table._mark(bool(self._splits_exactly(n_rows)))
        return Training(X, table, targets, weight, n_classes)

    def _splits_exactly(self, n_rows):
        """The parameter `exact`, or False where no tree can make use of it."""
        useless = self.max_leaf_nodes is not None or (self.max_depth == 1 and n_rows > 255)
        return False if useless else self.exact

    def _take_names(self, table):
        self.n_features_in_ = table.shape[1]
        if hasattr(table, "feature_names_in_"):
            self.feature_names_in_ = table.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _class_weight_of_rows(self):
        return self.class_weight

    def _draw_seed(self):
        self._random_seed = drawn_seed(self.random_state)

    def _threads(self):
        return resolve_n_jobs(self.n_jobs)

    def _criterion(self):
        return _CRITERIA.get(self.criterion, self.criterion)

    def _grower(self, training, *, splitter, balance_classes=False):
        """The grower of this model's trees, and an empty forest for them."""
        table = training.table
        n_rows, n_features = table.shape
        signs = monotonic_signs(
            self.monotonic_cst, n_features, self.n_outputs_, training.n_classes, table.is_categorical_
        )
        limits = growth_limits(
            self, n_rows, n_features, self._weight_of_tree(training), training.whole_weights
        )
        grower = CartGrower(
            table._binned,
            table._values,
            table._ranks if self._splits_exactly(n_rows) else None,
            criterion=self._criterion(),
            n_classes=training.n_classes,
            splitter=splitter,
            monotonic_cst=signs,
            balance_classes=balance_classes,
            n_threads=self._threads(),
            **limits,
        )
        explicit = signs is not None or self._criterion() == "absolute_error"
        return grower, CartForest(self._criterion(), training.n_classes, self.n_outputs_, explicit)

    def _weight_of_tree(self, training):
        return training.total_weight

    # -- rows to leaves

    def _rows(self, X):
        """X as prediction reads it."""
        self._check_fitted()
        used = self._cart.used_features()
        if isinstance(X, BinnedTable):
            if self._bins_mark not in (X._mark(True), X._mark(False)):
                raise ValueError(
                    "this BinnedTable has other bins than the one that the model was fitted on; predict from "
                    "the values instead"
                )
            return X._value_rows(used)
        if not self._is_plain(X):
            X = check_table(self, X, self._categories.categories_, reset=False)
            if not (sparse.issparse(X) or (type(X) is np.ndarray and not self._categories.categories_)):
                X = self._categories.transform(Table(X))
        return ValueRows(X, self._mapper, used)

    def _is_plain(self, X):
        """Whether nothing is left to check: prediction of one row must be fast."""
        return (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype.kind in "fiu"
            and X.shape[0] > 0
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and not self._categories.categories_
        )

    def _leaves(self, X):
        return leaves(self._cart, self._rows(X), n_threads=self._threads(), progress=self._progress())

    def _progress(self):
        return RowProgress.of(getattr(self, "verbose", 0))  # a single tree is not that slow

    def _explained_forest(self):
        return self._cart, np.zeros(self._cart.width), 1.0 / len(self._cart)

    def _explained_rows(self, X):
        return ValuePlanes(self._rows(X), used_features(self._cart)), self._threads()

    def _mean_values(self, X):
        """Mean of the trees' values: float64 array of shape (n_rows, width)."""
        return _means(self._cart, self._rows(X), self._threads(), self._progress())

    # -- single rows

    def predictor(self, kind="predict"):
        """A function that predicts single rows in a few microseconds.

        It checks the type and the width of what it is given and nothing else, takes no memory but the
        result's, and may be called from many threads at once, which then run at the same time. It keeps the
        model as it is now: a later fit does not change it.

        Parameters
        ----------
        kind : {'predict', 'predict_proba', 'raw'}, default='predict'
            The method whose answer is wanted; 'raw': the mean of the trees' values.

        Returns
        -------
        predict : callable
            Takes one argument, a native float64 or float32 array of shape (n_features,), which is a table
            of one row, or (n_rows, n_features), in any order and with any strides; NaN is missing,
            categories are given as numbers. Returns, equal to the method to the bit,

            - 'predict': labels of the dtype of ``classes_``, or float64, of shape (n_rows,), or
              (n_rows, n_outputs) for several outputs;
            - 'predict_proba': float64 of shape (n_rows, n_classes), for several outputs a list of such;
            - 'raw': float64 of shape (n_rows, number of outputs or of all outputs' classes).

            Calling it raises TypeError if the argument is no array of these types, and ValueError if it has
            another number of features or of dimensions. It cannot be pickled (TypeError): pickle the model.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            For an unknown kind, for 'predict_proba' of a regressor, and if the model was fitted on columns of
            text: a row of numbers cannot hold it.
        """
        self._check_fitted()
        if self._categories.categories_:
            raise ValueError(
                "the model was fitted on columns of text, which a predictor does not read; use predict"
            )
        finish = {"raw": None}
        if is_classifier(self):
            classes, n_classes = self.classes_, self.n_classes_
            split = isinstance(classes, list)
            finish["predict_proba"] = (lambda values: split_outputs(values, n_classes)) if split else None
            finish["predict"] = lambda values: labels_of_shares(split_outputs(values, n_classes), classes)
        else:
            finish["predict"] = (lambda values: values[:, 0]) if self.n_outputs_ == 1 else None
        if kind not in finish:
            raise ValueError(f"kind must be one of {', '.join(map(repr, finish))}, got {kind!r}")
        cart, mapper, n_jobs = self._cart, self._mapper, self.n_jobs

        def many(X):
            return _means(cart, ValueRows(X, mapper, cart.used_features()), resolve_n_jobs(n_jobs))

        baseline = np.zeros(cart.width)
        return ValuePredictor(cart, mapper, self.n_features_in_, baseline, len(cart), many, finish[kind])


def _means(cart, rows, n_threads, progress=None):
    """Means of the values of the trees: float64 array of shape (n_rows, width)."""
    out = sum_values(cart, rows, n_threads, progress)
    out /= len(cart)
    if cart.n_classes == (2,):
        out[:, 0] = 1.0 - out[:, 1]
    return out
