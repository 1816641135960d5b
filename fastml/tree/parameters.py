"""Parameters that trees and forests share: what they may be and what they mean.

They stand in one place because the estimators must not drift apart. Names and defaults are scikit-learn's.
"""

from __future__ import annotations

from inspect import cleandoc
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions

__all__ = ["CLASSIFICATION", "LIMITS", "REGRESSION", "TEXT", "documented"]

LIMITS: dict = {
    "max_depth": [Interval(Integral, 1, None, closed="left"), None],
    "min_samples_split": [
        Interval(Integral, 2, None, closed="left"),
        Interval(RealNotInt, 0.0, 1.0, closed="right"),
    ],
    "min_samples_leaf": [
        Interval(Integral, 1, None, closed="left"),
        Interval(RealNotInt, 0.0, 1.0, closed="neither"),
    ],
    "min_weight_fraction_leaf": [Interval(Real, 0.0, 0.5, closed="both")],
    "max_features": [
        Interval(Integral, 1, None, closed="left"),
        Interval(RealNotInt, 0.0, 1.0, closed="right"),
        StrOptions({"sqrt", "log2"}),
        None,
    ],
    "random_state": ["random_state"],
    "max_leaf_nodes": [Interval(Integral, 2, None, closed="left"), None],
    "min_impurity_decrease": [Interval(Real, 0.0, None, closed="left")],
    "ccp_alpha": [Interval(Real, 0.0, None, closed="left")],
    "monotonic_cst": ["array-like", None],
    "n_jobs": [Integral, None],
    "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
    "max_bins": [Interval(Integral, 2, 255, closed="both")],
    "exact": ["boolean", StrOptions({"auto"})],
}

CLASSIFICATION: dict = {
    "criterion": [StrOptions({"gini", "entropy", "log_loss"})],
    "class_weight": [dict, list, StrOptions({"balanced"}), None],
}

REGRESSION: dict = {
    "criterion": [StrOptions({"squared_error", "friedman_mse", "absolute_error", "poisson"})],
}

TEXT = {
    "classification_criterion": """criterion : {"gini", "entropy", "log_loss"}, default="gini"
        Impurity that splits lower: the Gini index, or the entropy ("log_loss" is another name of it).""",
    "regression_criterion": """criterion : {"squared_error", "friedman_mse", "absolute_error", "poisson"}, \
default="squared_error"
        Impurity that splits lower. "squared_error": variance, leaves predict means; "absolute_error": mean
        absolute deviation, leaves predict medians; "poisson": half the Poisson deviance, for ``y >= 0``.
        "friedman_mse" orders splits as "squared_error" does, is deprecated as in scikit-learn, and replaced
        by it.""",
    "splitter": """splitter : {"best", "random"}, default="%s"
        "best": the best of all thresholds of each feature looked at; "random": the best of one random
        threshold per feature, drawn evenly between the feature's least and greatest value in the node.""",
    "limits": """max_depth : int, default=None
        Greatest depth. None: until leaves are pure or another limit holds.
    min_samples_split : int or float, default=2
        Fewest rows that a node must have to be split; a float is a share of all rows, rounded up.
    min_samples_leaf : int or float, default=1
        Fewest rows of a leaf; a float is a share of all rows, rounded up.
    min_weight_fraction_leaf : float, default=0.0
        Least weight of a leaf, as a share of the weight of all rows.
    max_features : int, float, {"sqrt", "log2"} or None, default=%s
        Features drawn anew for each node to look for its split: so many, a share of all, the root or the
        logarithm of their number, or all (None). Drawing goes on until a feature was drawn that varies in
        the node.""",
    "max_leaf_nodes": """max_leaf_nodes : int, default=None
        Most leaves. Given, the tree grows where a split lowers the impurity most, else depth first.
    min_impurity_decrease : float, default=0.0
        A split must lower the impurity by this much, weighted with the node's share of the rows' weight.""",
    "class_weight": """class_weight : dict, list of dict, "balanced" or None, default=None
        Weight of each class, multiplied with `sample_weight`; for several outputs a list. "balanced":
        inverse to the number of rows.""",
    "pruning": """ccp_alpha : non-negative float, default=0.0
        Minimal cost-complexity pruning: the largest subtree whose leaves are worth more than this each.
    monotonic_cst : array-like of int of shape (n_features,), default=None
        1: predictions (of two classes, the probability of the second) must not fall when the feature grows;
        -1: must not rise; 0: free. One output, at most two classes.""",
    "tables": """n_jobs : int or None, default=None
        Threads; None means all cores. The number of threads never changes the model.
    categorical_features : "from_dtype", None, or array-like of bool, int or str, default="from_dtype"
        Which features are categories, split by subsets of them: a mask, indices or names. "from_dtype": the
        columns of a data frame with a categorical dtype.
    max_bins : int, default=255
        Most bins of a numerical feature. A feature with no more distinct values than this is split exactly;
        of others up to this many thresholds are tried in each node, but see `exact`.
    exact : bool or "auto", default="auto"
        Whether small nodes are split exactly: between any two values of a feature that has at most 255
        distinct ones in the node, though there are more than `max_bins` in the table. "auto": of features
        with at most 4,096 distinct values in the table. Nodes of at most 255 rows are small, with best
        thresholds those of up to 4,096; none is with `max_leaf_nodes` or in a table of more than 64
        features. Of more than 65,535 distinct values in the table some neighbours count as one, and a
        node whose rows all lie in one bin of every feature, with more than 255 values each, is a leaf.""",
    "random_state": """random_state : int, RandomState instance or None, default=None
        Seed of what is drawn. Two fits with the same int give the same model on any number of threads.""",
}


def documented(shared=TEXT, **choices):
    """Class decorator: put the shared text into the docstring, in place of {name}."""

    def decorate(cls):
        if cls.__doc__:
            # the parts stand as deep as in the docstring of a class, four spaces
            text = {name: part.replace("\n    ", "\n") for name, part in shared.items()}
            for name, value in choices.items():
                text[name] = text[name].replace("%s", value)
            # without indentation: from Python 3.13 on the compiler takes away that of the class's own text
            cls.__doc__ = cleandoc(cls.__doc__).format(**text)
        return cls

    return decorate
