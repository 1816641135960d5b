"""A model's trees with all that is needed to read them without the model.

Dumps, pictures and ONNX ask every tree model for this; each model says what it is in ``_describe_forest``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["DescribedForest", "category_labels", "describe_forest"]


class DescribedForest:
    """Trees, their features and categories, and how their values become a prediction.

    Parameters
    ----------
    forest : Forest or CartForest
    mapper : BinMapper, optional
        What the codes in sets of categories mean.
    planes : integer array, optional
        Feature of each plane that the trees look at; features themselves by default.
    feature_names, output_names : sequence, optional
    categories : sequence, optional
        By feature: None, or the labels of each code from 1; a list where several share a code.
    labels : dict of int to list
        Of columns that hold labels: the label of each number that the trees know.
    baseline : array of shape (n_outputs,), optional
        That of the forest by default.
    divisor : float, default=1.0
        The sum of baseline and trees is divided by it.
    link : Link, optional
        From that to the prediction; None where it is a function that only the model has.
    classes : ndarray, optional
        Labels, if the model predicts such.
    numbers : integer array, optional
        What `apply` of the model calls each node; its place in the tree by default.
    member_weights : float64 array of shape (n_trees,), optional
        The prediction is the median of the trees' values by these weights, not their sum.
    """

    def __init__(
        self, forest, *, mapper=None, planes=None, feature_names=None, output_names=None, categories=None,
        labels=None, baseline=None, divisor=1.0, link=None, classes=None, numbers=None, member_weights=None,
    ):  # fmt: skip
        self._forest, self.mapper, self._planes = forest, mapper, planes
        self.feature_names, self.output_names, self.categories = feature_names, output_names, categories
        self.labels, self.divisor, self.link, self.classes = labels or {}, divisor, link, classes
        self._numbers, self.member_weights = numbers, member_weights
        self._is_cart = not hasattr(forest, "output_of")
        self.n_trees = len(forest)
        if self._is_cart:
            n_outputs = forest.width if member_weights is None else self.n_trees
            self.baseline = np.zeros(n_outputs) if baseline is None else baseline
        else:
            self.baseline = forest.baseline if baseline is None else baseline

    @property
    def n_outputs(self):
        """Sums that the trees make."""
        return self.baseline.size

    @property
    def max_feature(self):
        """Largest feature that a split looks at, -1 if there is no split."""
        if self._is_cart:
            return int(self._forest.used_features().max(initial=-1))
        used = self._forest.arrays()["feature"]
        used = used[used >= 0]
        return int((used if self._planes is None else self._planes[used]).max(initial=-1))

    def output_of(self, index):
        """Output that a tree adds to; None where its leaves have a value for each."""
        if self.member_weights is not None:
            return index
        if self._is_cart:
            return None if self.n_outputs > 1 else 0
        return self._forest.output_of(index)

    def tree(self, index):
        """Arrays of a tree: those of `Forest.tree`, with `plane` beside `feature`.

        ``value`` is float64 (n_nodes,), or (n_nodes, n_outputs) where `output_of` is None.
        """
        tree = dict(self._forest.tree(index))
        tree["plane"] = tree["feature"]
        if self._planes is not None:
            inner = tree["left"] >= 0
            tree["feature"] = np.where(inner, self._planes[tree["plane"]], -1)
        if self._is_cart:
            if tree["value"].shape[1] == 1:
                tree["value"] = tree["value"][:, 0]
            tree["gain"] = _gains(tree)
        return tree

    def feature_of(self, plane):
        """Feature that a plane shows."""
        return plane if self._planes is None else int(self._planes[plane])

    def numbers(self, index, tree):
        """What `apply` calls the nodes of a tree: integer array of shape (n_nodes,)."""
        if self._numbers is None:
            return np.arange(tree["left"].size)
        arrays = self._forest.arrays()
        offsets = arrays["node_offsets" if self._is_cart else "tree_offsets"]
        return self._numbers[offsets[index] : offsets[index + 1]]

    def goes_left(self, tree, node):
        """Codes that go left in a split by a set: bool array of shape (256,); the first is missing."""
        row = tree["category_sets"][tree["category_set"][node]]
        return np.unpackbits(row, bitorder="little").astype(bool)

    def intervals(self, tree, node):
        """Numbers that go left in a split by a set, where codes stand for ranges of numbers.

        Returns
        -------
        list of (float, float), or None
            x goes left if it is above the first and not above the second of a pair; None where codes are
            categories.
        """
        plane = int(tree["plane"][node])
        if self.mapper is None or self.mapper.is_categorical_[plane]:
            return None
        edges = self.mapper.edges_[plane]
        left = self.goes_left(tree, node)[1 : edges.size + 2].astype(np.int8)
        bounds = np.concatenate([[-np.inf], edges, [np.inf]])
        change = np.diff(left, prepend=0, append=0)
        pairs = zip(bounds[np.flatnonzero(change == 1)], bounds[np.flatnonzero(change == -1)], strict=True)
        return [(float(low), float(high)) for low, high in pairs]


def describe_forest(model: Any) -> DescribedForest:
    """The trees of a fitted model.

    Parameters
    ----------
    model : Forest, or fitted estimator with a method ``_describe_forest``

    Raises
    ------
    TypeError
        If it is neither.
    NotFittedError
    """
    if hasattr(model, "_describe_forest"):
        # at the top it would double fastml's import time
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(model)
        return model._describe_forest()
    if hasattr(model, "output_of"):
        return DescribedForest(model)
    raise TypeError(f"expected a fitted tree model of fastml or a Forest, got {type(model).__name__}")


def category_labels(mapper, encoder):
    """Labels of the codes of categorical features, by feature, as `DescribedForest` takes them."""
    if mapper is None or not mapper.is_categorical_.any():
        return None
    return [_labels(mapper, encoder, j) for j in range(mapper.n_features)]


def _labels(mapper, encoder, j):
    if not mapper.is_categorical_[j]:
        return None
    known = encoder.categories_.get(j)

    def label(value):
        return value if known is None else known[int(value)]

    labels = [label(value) for value in mapper.categories_[j]]
    grouped = [label(value) for value in mapper.grouped_categories_[j]]
    return [*labels, grouped] if grouped else labels


def _gains(tree):
    """Decrease of the impurity by each split, times the weight of its rows."""
    mass = tree["impurity"] * tree["weight"]
    inner = tree["left"] >= 0
    gain = np.zeros(mass.size)
    gain[inner] = mass[inner] - mass[tree["left"][inner]] - mass[tree["right"][inner]]
    return gain
