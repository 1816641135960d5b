"""Parameters that the boosting classifier and regressor share: what they may be and what they mean.

They stand in one place because the two estimators must not drift apart. The names and defaults are those of
scikit-learn's HistGradientBoosting estimators where those have the parameter.
"""

from __future__ import annotations

from inspect import cleandoc
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions

__all__ = ["CONSTRAINTS", "documented"]

_FRACTION = [Interval(Real, 0, 1, closed="right")]
_PROBABILITY = [Interval(Real, 0, 1, closed="both")]
_NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]

CONSTRAINTS: dict = {
    "learning_rate": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "max_leaf_nodes": [Interval(Integral, 2, None, closed="left"), None],
    "max_depth": [Interval(Integral, 1, None, closed="left"), None],
    "growth": [StrOptions({"leaf", "level"})],
    "min_samples_leaf": [Interval(Integral, 1, None, closed="left")],
    "min_weight_leaf": _NOT_NEGATIVE,
    "min_sum_hessian": _NOT_NEGATIVE,
    "min_split_gain": _NOT_NEGATIVE,
    "l1_regularization": _NOT_NEGATIVE,
    "l2_regularization": _NOT_NEGATIVE,
    "max_delta_step": _NOT_NEGATIVE,
    "path_smooth": _NOT_NEGATIVE,
    "boosting": [StrOptions({"gbdt", "dart", "goss"})],
    "drop_rate": _PROBABILITY,
    "skip_drop": _PROBABILITY,
    "max_drop": [Interval(Integral, 1, None, closed="left"), None],
    "top_rate": [Interval(RealNotInt, 0, 1, closed="neither")],
    "other_rate": [Interval(RealNotInt, 0, 1, closed="neither")],
    "subsample": _FRACTION,
    "colsample_bytree": _FRACTION,
    "colsample_bylevel": _FRACTION,
    "colsample_bynode": _FRACTION,
    "max_features": _FRACTION,
    "extra_random": ["boolean"],
    "max_bins": [Interval(Integral, 2, 255, closed="both")],
    "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
    "cat_smooth": _NOT_NEGATIVE,
    "cat_l2": _NOT_NEGATIVE,
    "max_cat_onehot": [Interval(Integral, 1, None, closed="left")],
    "monotonic_cst": ["array-like", dict, None],
    "interaction_cst": [list, tuple, StrOptions({"pairwise", "no_interactions"}), None],
    "warm_start": ["boolean"],
    "early_stopping": [StrOptions({"auto"}), "boolean"],
    "scoring": [str, callable, None],
    "validation_fraction": [
        Interval(RealNotInt, 0, 1, closed="neither"),
        Interval(Integral, 1, None, closed="left"),
        None,
    ],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "tol": _NOT_NEGATIVE,
    "n_jobs": [Integral, None],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
}

_PARAMETERS = """learning_rate : float, default=0.1
        Factor of every tree (shrinkage); 1 for none.
    max_iter : int, default=100
        Most rounds of boosting. A round grows one tree, or one per class if there are more than two.
    max_leaf_nodes : int or None, default=31
        Most leaves of a tree; None for no limit.
    max_depth : int or None, default=None
        Most edges from the root to a leaf; None for no limit.
    growth : {'leaf', 'level'}, default='leaf'
        Whether the leaf with the largest gain is split first, or all leaves of a level.
    min_samples_leaf : int, default=20
        Fewest rows in a leaf.
    min_weight_leaf : float, default=0
        Least sum of sample weights in a leaf.
    min_sum_hessian : float, default=1e-3
        Least sum of hessians in a leaf.
    min_split_gain : float, default=0
        Least gain of a split.
    l1_regularization : float, default=0
        L1 penalty of leaf values.
    l2_regularization : float, default=0
        L2 penalty of leaf values.
    max_delta_step : float, default=0
        Largest absolute leaf value before shrinkage; 0 for no limit.
    path_smooth : float, default=0
        Pulls the value of a node with n rows towards its parent's: the node's own value counts
        n / (n + path_smooth). 0 for none.
    boosting : {'gbdt', 'dart', 'goss'}, default='gbdt'
        'dart' leaves out random earlier rounds while a new one is grown [2]_. 'goss' grows each tree on the
        rows with large gradients and on a reweighted sample of the others [3]_.
    drop_rate : float, default=0.1
        dart: probability that a round is left out.
    skip_drop : float, default=0.5
        dart: probability that nothing is left out in a round.
    max_drop : int or None, default=50
        dart: most rounds left out at a time; None for no limit.
    top_rate : float, default=0.2
        goss: part of the rows that are kept for their large gradients.
    other_rate : float, default=0.1
        goss: part of the rows that are drawn from the others.
    subsample : float, default=1.0
        Part of the rows drawn (without replacement) for each round.
    colsample_bytree : float, default=1.0
        Part of the features drawn for each tree.
    colsample_bylevel : float, default=1.0
        Part of the tree's features drawn for each level.
    colsample_bynode : float, default=1.0
        Part of the level's features drawn for each node. Multiplied by `max_features`.
    max_features : float, default=1.0
        scikit-learn's name of `colsample_bynode`.
    extra_random : bool, default=False
        Whether each node looks at one random threshold per feature (extremely randomised trees).
    max_bins : int, default=255
        Most bins of a feature, one more bin for missing values not counted.
    categorical_features : array-like of {{bool, int, str}} or 'from_dtype' or None, default='from_dtype'
        Which features are categorical: a mask, indices, or names. 'from_dtype': the data frame columns with
        a categorical dtype. Categories may be numbers or text. Negative numbers are missing values, and so
        are, in prediction, categories that training has not seen. Of more than 254 categories the rarest
        are treated as one, with a warning; with `max_bins` below 255, more than `max_bins` are an error.
    cat_smooth : float, default=10
        Weight of the prior when the categories of a node are sorted by their gradient statistics.
    cat_l2 : float, default=10
        L2 penalty added in splits of sorted categories, and in the outputs of their children.
    max_cat_onehot : int, default=4
        Up to so many categories, each is tried against the rest; more are sorted.
    monotonic_cst : array-like of int of shape (n_features,) or dict or None, default=None
        1, -1 or 0 for each feature: the prediction must not fall, must not rise, or is free as the feature
        grows. A dict maps feature names to these. Not for more than two classes.
    interaction_cst : {{'pairwise', 'no_interactions'}} or sequence of sets, lists or tuples, default=None
        Sets of indices of features that may be split on together on a path from the root. Features in no
        set form one more.
    warm_start : bool, default=False
        Whether `fit` adds rounds to the model of the call before it, up to `max_iter` in all. The data must
        be the same.
    early_stopping : 'auto' or bool, default='auto'
        Whether to stop when the score does not improve. 'auto': if there are more than 10,000 rows or `X_val`
        is passed to `fit`.
    scoring : str, callable or None, default='loss'
        Score for early stopping: the loss, the name of a scikit-learn score, a scorer, or None for the
        estimator's `score`.
    validation_fraction : float, int or None, default=0.1
        Part (or number) of the rows set aside for early stopping. None: the training score decides. Ignored
        if `X_val` is passed to `fit`.
    n_iter_no_change : int, default=10
        Stop when none of so many last scores is better than the one before them by more than `tol`.
    tol : float, default=1e-7
        See `n_iter_no_change`.
    n_jobs : int or None, default=None
        Threads; None or -1: all cores that the process may use. The model does not depend on it, to the bit.
    verbose : int, default=0
        1 prints progress and the time left at most once a second, 2 every round; both print the progress of
        predictions that take more than a second.
    random_state : int, RandomState instance or None, default=None
        Seeds the sample that bins are found on, the split for early stopping, and all sampling of rows,
        features and rounds."""

_ATTRIBUTES = """n_iter_ : int
        Rounds in the model.
    n_trees_per_iteration_ : int
        Trees of a round: the number of classes if there are more than two, else 1.
    do_early_stopping_ : bool
        Whether early stopping was used.
    train_score_ : ndarray of shape (n_iter + 1,)
        Score on the training rows before the first round and after each (on at most 10,000 of them if
        `scoring` is not 'loss'). Empty without early stopping.
    validation_score_ : ndarray of shape (n_iter + 1,)
        The same on the validation rows. Empty without early stopping or without validation rows.
    evals_result_ : dict of str to dict of str to list of float
        For each evaluation set and metric the values after each round of the last `fit`.
    feature_importances_ : ndarray of shape (n_features,)
        Gain of all splits of a feature, normalised to a sum of 1.
    is_categorical_ : ndarray of shape (n_features,), bool, or None
        Which features are categorical; None when none is.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all text."""

_NOTES = """A fit that is interrupted (Ctrl-C, or an error in a callback) keeps the rounds that were complete,
    and the estimator predicts with them; the exception is raised all the same. If no round was complete, the
    estimator is left as it was before the call.

    Values are put into bins before training and before prediction, so float32 and float64 input of equal
    values give equal predictions.

    References
    ----------
    .. [1] J. Friedman. "Greedy Function Approximation: A Gradient Boosting Machine." Annals of Statistics
       29, 2001; T. Chen, C. Guestrin. "XGBoost: A Scalable Tree Boosting System." KDD 2016.
    .. [2] K. Rashmi, R. Gilad-Bachrach. "DART: Dropouts meet Multiple Additive Regression Trees." AISTATS
       2015.
    .. [3] G. Ke et al. "LightGBM: A Highly Efficient Gradient Boosting Decision Tree." NeurIPS 2017,
       section 3."""


def documented(cls):
    """Class decorator: put the shared text into the docstring."""
    if cls.__doc__:
        # without indentation: from Python 3.13 on the compiler takes away that of the class's own text
        cls.__doc__ = cleandoc(cls.__doc__).format(
            parameters=cleandoc(_PARAMETERS.replace("{{", "{").replace("}}", "}")),
            attributes=cleandoc(_ATTRIBUTES),
            notes=cleandoc(_NOTES),
        )
    return cls
