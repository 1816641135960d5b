"""Trees of a model of another library as estimators of `fastml.tree`, with the ``tree_`` of scikit-learn."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.categories import CategoryEncoder
from fastml._engine.tree.tree_sequence import TreeSequence

__all__ = ["ImportedTrees"]


class ImportedTrees(TreeSequence):
    """The trees of a `TreeModel`, each made when it is asked for.

    Those whose leaves are shares of classes (trees and forests of classifiers) are a
    `DecisionTreeClassifier`, all others a `DecisionTreeRegressor` of what the tree adds to the raw score.
    """

    def __init__(self, model):
        self._described = model._describe_forest()
        self._n_features = model.n_features_in_
        shares = model._link.name in ("share", "second share")
        self._classes = model.classes_ if shares and hasattr(model, "classes_") else None
        self._name = repr(model)

    def __len__(self):
        return self._described.n_trees

    def _make(self, index):
        tree = self._tree(index)
        # at the top the two packages would import each other
        from fastml.tree import DecisionTreeClassifier, DecisionTreeRegressor

        learned = SimpleNamespace(
            n_features_in_=self._n_features, n_outputs_=1, n_classes_=0, is_categorical_=None,
            _categories=CategoryEncoder(), _mapper=None, _bins_mark="",
        )  # fmt: skip
        if self._classes is None:
            kind, cart = DecisionTreeRegressor, CartForest("squared_error", None, tree["value"].shape[1])
            learned.n_outputs_ = cart.n_outputs
        else:
            kind, cart = DecisionTreeClassifier, CartForest("gini", (self._classes.size,), 1)
            learned.n_classes_ = self._classes.size
        cart.append(tree)
        cart.arrays()  # joined now: the first predictions may come from several threads at once
        made = kind._view(learned, cart, 0, {})
        if self._classes is not None:
            made.classes_ = self._classes
        return made

    def __repr__(self):
        return f"<{len(self)} trees of {self._name}>"

    def _tree(self, index):
        """The arrays of a tree as `CartForest.append` takes them, in the original's order if it has one."""
        found = self._described.tree(index)
        n_nodes = found["left"].size
        value = found["value"].reshape(n_nodes, -1)
        if self._classes is not None:
            value = self._shares(index, value, found["left"] < 0)
        weight = found["weight"] if found["weight"].any() else found["count"].astype(np.float64)
        tree = {
            "left": found["left"],
            "right": found["right"],
            "feature": found["feature"].astype(np.int32),
            "threshold": self._thresholds(index, found),
            "missing_left": found["missing_left"],
            "category_set": np.full(n_nodes, -1, dtype=np.int32),
            "count": found["count"],
            # of a model that knows neither weights nor counts every leaf counts the same
            "weight": weight if weight.any() else np.ones(n_nodes),
            "value": value,
            "impurity": np.zeros(n_nodes),
        }
        number = self._described.numbers(index, found)
        if np.array_equal(np.sort(number), np.arange(n_nodes)) and number[0] == 0:
            tree = _renumbered(tree, number)
        return tree | {"category_sets": np.empty((0, 32), dtype=np.uint8)}

    def _shares(self, index, value, leaf):
        """By node: shares of the classes, which a classifier's tree keeps as weights and adds up to 1."""
        if value.shape[1] < self._classes.size:
            value = np.concatenate([1.0 - value, value], axis=1)
        wrong = leaf & ~((value >= 0).all(axis=1) & (np.abs(value.sum(axis=1) - 1.0) <= 1e-6))
        if wrong.any():
            node = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f"tree {index} cannot be told by shares of the classes: those of leaf {node} must not be "
                f"negative and add up to 1, got {value[node].tolist()}; dump('json') shows such trees"
            )
        return value

    def _thresholds(self, index, tree):
        """By node: numbers up to it go left."""
        threshold = tree["threshold"].copy()
        for node in np.flatnonzero(tree["category_set"] >= 0).tolist():
            left = self._described.intervals(tree, node)
            if left == []:
                threshold[node] = -np.inf
            elif left is not None and len(left) == 1 and left[0][0] == -np.inf:
                threshold[node] = left[0][1]
            else:
                raise ValueError(
                    f"tree {index} cannot be told by thresholds: a split on feature {tree['feature'][node]} "
                    "sends a set of values left (categories, or a number that stands for missing values); "
                    "dump('json') shows such trees"
                )
        return threshold


def _renumbered(tree, number):
    """The same tree with other numbers of its nodes."""
    moved = {name: np.empty_like(array) for name, array in tree.items()}
    for name, array in tree.items():
        moved[name][number] = (
            np.where(array < 0, array, number[array]) if name in ("left", "right") else array
        )
    return moved
