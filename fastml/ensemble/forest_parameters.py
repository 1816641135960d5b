"""What the parameters and attributes that only forests have mean."""

from __future__ import annotations

from fastml.tree.parameters import TEXT

__all__ = ["FOREST_TEXT"]

FOREST_TEXT = {
    **TEXT,
    "n_estimators": """n_estimators : int, default=100
        Trees.""",
    "bootstrap": """bootstrap : bool, default=%s
        Whether each tree is grown from as many rows drawn with replacement; else from all.
    oob_score : bool or callable, default=False
        Whether to compute the score on the rows that were not drawn: accuracy or R2, or what a callable
        ``(y_true, y_pred)`` returns (class numbers for a classifier).""",
    "run": """verbose : int, default=0
        1: progress and an estimate of the time left, of a fit and of a prediction of more than a second; 2: a
        line for every few trees.
    warm_start : bool, default=False
        Whether `fit` adds trees to those that are there.""",
    "forest_class_weight": """class_weight : dict, list of dict, "balanced", "balanced_subsample" or None, \
default=None
        Weight of each class, multiplied with `sample_weight`; for several outputs a list. "balanced":
        inverse to the weight of its rows; "balanced_subsample": inverse to their number in each tree's
        sample.""",
    "max_samples": """max_samples : int, float or None, default=None
        Rows drawn for each tree with `bootstrap`: so many; a share of the rows, or of the sum of the
        weights; as many as there are (None).""",
    "leaf_targets": """leaf_targets : bool, default=False
        Whether to keep the training targets of the leaves, which `predict_quantiles` needs: at most 8 bytes
        for a row and tree. One output only.""",
    "forest_attributes": """estimator_ : estimator
        An unfitted tree.
    estimators_ : sequence of estimators
        The trees, made when they are asked for. Classes are numbers in them.
    estimators_samples_ : list of integer arrays
        Rows that each tree was grown from, repeated as they were drawn.
    feature_importances_ : ndarray of shape (n_features,)
    n_features_in_, n_outputs_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all text.
    is_categorical_ : bool ndarray of shape (n_features,), or None
    oob_score_ : float
        With `oob_score`.""",
    "forest_notes": """Tree i depends on `random_state` and i alone: a larger forest begins with the trees of
    a smaller one, and the number of threads changes nothing.

    All trees are kept in one storage of about 20 bytes a node; counts, impurities and values of inner nodes
    are computed when they are asked for.""",
}
