"""The members of an AdaBoost ensemble: fitted one after the other, then asked together.

There are two kinds. `TreeMembers` are trees of this library: rows are binned and checked once, every tree
is grown on the same codes, and training rows are followed to their leaves by their codes. `EstimatorMembers`
are any estimators with ``fit`` and ``predict``. AdaBoost's rounds (see `adaboost_base`) know only what is
common to both::

    predicted = members.learn(weight)    of the training rows, in the units of members.targets
    members.keep(vote)                   the last one learned stays, with its vote
    members.finish()                     nothing of the training rows is needed any more
"""

from __future__ import annotations

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import has_fit_parameter, validate_data

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.cart_pack import impurity_decreases
from fastml._engine.tree.cart_sums import sum_values
from fastml._engine.tree.code_walk import leaves_of_codes, take_at
from fastml._engine.tree.value_predictor import ValuePredictor
from fastml._engine.tree.value_rows import ValueRows
from fastml._engine.tree.walk import add_values, leaves
from fastml.tree.model import growth_seeds
from fastml.tree.pruning import prune
from fastml.tree.targets import class_weights

__all__ = ["EstimatorMembers", "TreeMembers", "takes_missing", "takes_sparse"]

# Rows whose members' predictions are sorted at a time.
_BLOCK = 8192

_MOST_SEED = (1 << 31) - 1


def takes_missing(estimator):
    """Whether an estimator says that it takes NaN."""
    return _input_tag(estimator, "allow_nan")


def takes_sparse(estimator):
    """Whether an estimator says that it takes sparse matrices."""
    return _input_tag(estimator, "sparse")


def _input_tag(estimator, name):
    tags = getattr(estimator, "__sklearn_tags__", None)
    return tags is not None and getattr(tags().input_tags, name)


def _seed(rng):
    return int(rng.randint(_MOST_SEED))


class TreeMembers:
    """Trees of this library, grown on one binned table.

    Parameters
    ----------
    tree : DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier or ExtraTreeRegressor
        Unfitted. It is fitted here, so to say, with many trees, and lends what it knows of reading rows.
    resample : bool
        Grow from rows drawn by their weights, each drawn row with weight 1; else from all rows, weighted.

    Attributes
    ----------
    tree : estimator
        Knows classes, categories and bins; its ``_cart`` holds all trees.
    numbers : list of int
        The trees' `random_state`.
    votes : CartForest or None
        The same trees with votes in their leaves; None for regression.
    targets : int32 or float64 array of shape (n_rows,)
        Class numbers or targets, while training.
    """

    def __init__(self, tree, resample):
        self.tree = tree
        self.resample = resample

    def begin(self, owner, X, y, weight, rng):
        """Check and bin the training rows.

        Parameters
        ----------
        owner : estimator
            Has what is learned about features and classes written to it.
        X, y : as given by the user; y one-dimensional
        weight : float64 array of shape (n_rows,)
        rng : RandomState
        """
        tree = self.tree
        self._rng, self.numbers = rng, [_seed(rng)]
        tree.set_params(random_state=self.numbers[0])
        self._training = training = tree._read_training(X, y, weight)
        self.targets = training.targets[:, 0]
        self._table, self._pending = training.table, None
        self._places = np.empty(len(self.targets), dtype=np.int32)
        n_classes, labels = training.n_classes, np.asarray(y)
        self._class_weight = None
        if n_classes is not None:
            self._class_weight = class_weights(tree.class_weight, labels, training.targets, n_classes)
            owner.classes_, owner.n_classes_ = tree.classes_, tree.n_classes_
        grower, tree._cart = tree._grower(training, splitter=tree.splitter)
        self._grower = grower
        self._said, self._weights, self.votes = [], [], None
        owner.n_features_in_ = tree.n_features_in_
        if hasattr(tree, "feature_names_in_"):
            owner.feature_names_in_ = tree.feature_names_in_

    def _ballots(self, said, weights):
        """The trees with votes in their leaves; None for regression.

        Parameters
        ----------
        said : int array of shape (n_nodes of all trees,)
            As the method of that name returns it.
        weights : sequence of float
            The trees' votes.
        """
        cart = self.tree._cart.arrays()
        if not is_classifier(self.tree):
            return None
        n_classes = self.tree.n_classes_
        if cart["numbers"].size:
            said = said[cart["numbers"] + np.repeat(cart["node_offsets"][:-1], np.diff(cart["node_offsets"]))]
        vote = np.repeat(np.asarray(weights)[: len(self)], np.diff(cart["leaf_offsets"]))
        ballots = _ballots(said[cart["nodes"]["feature"] < 0], vote, n_classes)
        return self.tree._cart.with_leaves(ballots)

    def said(self):
        """Class numbers that the leaves vote for, 0 for inner nodes: int32 array by node, tree after tree."""
        parts = []
        for index in range(len(self)):
            tree = self.votes.tree(index)
            value = tree["value"]
            said = value.argmax(axis=1) if value.shape[1] > 1 else value[:, 0] > 0
            parts.append(np.where(tree["left"] < 0, said, 0).astype(np.int32))
        return np.concatenate(parts)

    def restore(self, numbers, weights, said):
        """What training would have left, from fitted trees in ``tree._cart`` and what `said` returned."""
        self.numbers, self.votes = numbers, self._ballots(said, weights)

    def learn(self, weight):
        """Grow a tree; class numbers or values of the training rows: array of shape (n_rows,)."""
        tree, training, index = self.tree, self._training, len(self.tree._cart)
        if self._class_weight is not None:
            weight = weight * self._class_weight
        if tree.min_weight_fraction_leaf > 0:  # the limit goes with the sum of the weights
            training.weight = np.ones(len(weight)) if self.resample else weight
            self._grower = tree._grower(training, splitter=tree.splitter)[0]
        if index == len(self.numbers):
            self.numbers.append(_seed(self._rng))
        seeds = growth_seeds(self.numbers[index:])
        n_draws = len(weight) if self.resample else None
        places = self._places
        grown = self._grower.grow(training.seen_targets, weight, seeds, n_draws, places)[0]
        placed = self._grower.placed
        if tree.ccp_alpha > 0:
            grown, placed = prune(grown, tree.ccp_alpha), False
        if not placed:
            places = leaves_of_codes(self._table._binned, grown, tree._threads(), self._table._ranks)
        value = grown["value"]
        said = value[:, 0]
        if training.n_classes is not None:
            said = value.argmax(axis=1).astype(self.targets.dtype)
        self._pending = grown, said
        return take_at(said, places)

    def keep(self, vote):
        """Keep the tree that was grown last."""
        grown, said = self._pending
        self.tree._cart.append(grown)
        self._said.append(said)
        self._weights.append(vote)

    def finish(self):
        """Join the trees, because the first predictions may come from several threads at once, and forget the
        training rows."""
        self.votes = self._ballots(np.concatenate(self._said), self._weights)
        del self._said, self._weights
        del self._training, self._grower, self._table, self._pending, self._class_weight, self.targets
        del self._places
        del self._rng, self.numbers[len(self) :]

    def __len__(self):
        return len(self.tree._cart)

    def estimators(self):
        """The trees as fitted estimators."""
        tree, made = self.tree, []
        parameters = tree.get_params()
        del parameters["random_state"]
        for index, number in enumerate(self.numbers):
            made.append(type(tree)._view(tree, tree._cart.take(index), number, parameters))
            if self.votes is not None:
                made[-1].classes_ = tree.classes_
            if hasattr(tree, "feature_names_in_"):
                made[-1].feature_names_in_ = tree.feature_names_in_
        return made

    def importances(self, weights):
        """Weighted sum of the members' importances of the features."""
        total = np.zeros(self.tree.n_features_in_)
        for index in range(len(self)):
            gains = impurity_decreases(self.tree._cart.tree(index), total.size)
            total += weights[index] * (gains / (gains.sum() or 1.0))
        return total

    def read(self, owner, X):
        """X, checked, as the other methods take it."""
        return self.tree._rows(X)

    def n_rows(self, rows):
        """Number of rows of what `read` returned."""
        return rows.n_rows

    def stages(self, rows, weights):
        """Sums of votes after each member: the same array again and again, (n_rows, 1 or n_classes)."""
        sums = np.zeros((rows.n_rows, self.votes.width))
        for index in range(len(self)):
            add_values(self.votes, rows, sums, index, index + 1, n_threads=self.tree._threads())
            yield sums

    def total(self, rows, weights):
        """Sum of all votes: array of shape (n_rows, 1 or n_classes)."""
        return sum_values(self.votes, rows, self.tree._threads())

    def predictor(self, finish, apart):
        """A function of single rows (see `CartModel.predictor`).

        Parameters
        ----------
        finish : function
            Of the sums of votes; or of the members' predictions side by side, if `apart`.
        apart : bool
        """
        tree = self.tree
        if tree._categories.categories_:
            raise ValueError(
                "the model was fitted on columns of text, which a predictor does not read; use predict"
            )
        forest = tree._cart if apart else self.votes

        def many(X):
            rows = ValueRows(X, tree._mapper, forest.used_features())
            if not apart:
                return self.total(rows, None)
            parts = [said for _, said in self.blocks(rows)]
            return np.concatenate([np.empty((0, len(self))), *parts])

        baseline = np.zeros(forest.width)
        n_features = tree.n_features_in_
        return ValuePredictor(forest, tree._mapper, n_features, baseline, 1.0, many, finish, apart)

    def blocks(self, rows):
        """Predictions of all members for some rows at a time: (first row, array (n, n_members))."""
        cart, n_threads = self.tree._cart, self.tree._threads()
        arrays = cart.arrays()
        value, first = arrays["nodes"]["threshold"], arrays["node_offsets"][:-1]
        for lo in range(0, rows.n_rows, _BLOCK):
            hi = min(lo + _BLOCK, rows.n_rows)
            places = leaves(cart, rows, n_threads=n_threads, places=True, start=lo, stop=hi)
            yield lo, value.take(places + first)


class EstimatorMembers:
    """Any estimators.

    Parameters
    ----------
    estimator : estimator
        Unfitted; clones of it are fitted.
    resample : bool
        Fit on rows drawn by their weights, so that weights are not asked for; else with ``sample_weight``.

    Raises
    ------
    ValueError
        If the estimator takes no weights and rows are not to be drawn.
    """

    def __init__(self, estimator, resample):
        if not resample and not has_fit_parameter(estimator, "sample_weight"):
            raise ValueError(
                f"{type(estimator).__name__} doesn't support sample_weight. Pass resample=True to fit it on "
                "rows drawn by their weights instead."
            )
        self.estimator = estimator
        self.resample = resample
        self._kept = []

    def begin(self, owner, X, y, weight, rng):
        """Check the training rows (see `TreeMembers.begin`)."""
        regression = not is_classifier(owner)
        X, y = validate_data(owner, X, y, y_numeric=regression, **self._options())
        if not regression:
            owner.classes_ = np.unique(y)
            owner.n_classes_ = owner.classes_.size
        self._classes = None if regression else owner.classes_
        self._owner, self._X, self._rng = owner, X, rng
        self.targets = y

    def _options(self):
        return {
            "accept_sparse": ["csr", "csc"],
            "ensure_2d": True,
            "allow_nd": True,
            "dtype": None,
            "ensure_all_finite": not takes_missing(self.estimator),
        }

    def learn(self, weight):
        """Fit a clone; its predictions for the training rows."""
        estimator = clone(self.estimator)
        seeds = sorted(
            name
            for name in estimator.get_params(deep=True)
            if name == "random_state" or name.endswith("__random_state")
        )
        if seeds:
            estimator.set_params(**{name: _seed(self._rng) for name in seeds})
        if self.resample:
            n = len(weight)
            drawn = self._rng.choice(n, size=n, replace=True, p=weight / weight.sum())
            estimator.fit(self._X[drawn], self.targets[drawn])
        else:
            estimator.fit(self._X, self.targets, sample_weight=weight)
        self._pending = estimator
        return estimator.predict(self._X)

    def keep(self, vote):
        """Keep the estimator that was fitted last."""
        self._kept.append(self._pending)

    def finish(self):
        """Forget the training rows."""
        del self._owner, self._X, self._rng, self._pending, self.targets

    def __len__(self):
        return len(self._kept)

    def estimators(self):
        """The fitted estimators."""
        return self._kept

    def importances(self, weights):
        """Weighted sum of the members' importances of the features."""
        try:
            parts = [w * e.feature_importances_ for w, e in zip(weights, self._kept, strict=False)]
        except AttributeError as error:
            raise AttributeError(
                "Unable to compute feature importances since estimator does not have a feature_importances_ "
                "attribute"
            ) from error
        return sum(parts)

    def read(self, owner, X):
        """X, checked, as the members take it."""
        return validate_data(owner, X, reset=False, **self._options())

    def n_rows(self, X):
        """Number of rows of what `read` returned."""
        return X.shape[0]

    def stages(self, X, weights):
        """Sums of votes after each member (see `TreeMembers.stages`)."""
        classes = self._classes
        sums = np.zeros((X.shape[0], 1 if classes.size <= 2 else classes.size))
        for estimator, weight in zip(self._kept, weights, strict=False):
            check()
            codes = (np.asarray(estimator.predict(X))[:, None] == classes).argmax(axis=1)
            sums += _ballots(codes, weight, classes.size)
            yield sums

    def total(self, X, weights):
        """Sum of all votes."""
        *_, sums = self.stages(X, weights)
        return sums

    def predictor(self, finish, apart):
        """Not for these members: what they do with a row is their own affair."""
        raise ValueError(
            f"a predictor is for trees of this library, the members are {type(self.estimator).__name__}s; "
            "use predict"
        )

    def blocks(self, X):
        """Predictions of all members (see `TreeMembers.blocks`)."""
        said = np.stack([np.asarray(estimator.predict(X)) for estimator in self._kept], axis=1)
        for lo in range(0, len(said), _BLOCK):
            check()
            yield lo, said[lo : lo + _BLOCK]


def _ballots(codes, vote, n_classes):
    """What members or leaves that say class ``codes[i]`` add: array of shape (n, 1 or n_classes).

    vote: a number, or one for each of them.

    Of two classes `vote` for the second or against it; of more `vote` for one and against the others, in
    equal parts.
    """
    if n_classes == 1:
        return np.zeros((codes.size, 1))
    if n_classes == 2:
        return np.where(codes > 0, vote, -vote)[:, None]
    vote = np.asarray(vote)[..., None]
    return np.where(codes[:, None] == np.arange(n_classes), vote, -1 / (n_classes - 1) * vote)
