"""Partial dependence of tree models by one weighted walk through the trees for each point of the grid."""

from __future__ import annotations

import numpy as np

from fastml.inspection.shap import ShapModel

__all__ = ["partial_dependence"]


def partial_dependence(estimator, X, features, *, method="auto", kind="average", **options):
    """Partial dependence of a model on some features [1]_: :func:`sklearn.inspection.partial_dependence`.

    Parameters
    ----------
    estimator : fitted estimator
        Gradient boosting, a forest or a tree of fastml; any other estimator is scikit-learn's business.
    X : array-like or data frame of shape (n_samples, n_features)
        Where the grid lies; with ``method='brute'`` also the rows that are averaged over.
    features : int, str, or list of them
    method : {'auto', 'recursion', 'brute'}, default='auto'
        'recursion': a split on one of the features is decided by the grid, any other split is followed both
        ways, weighted by the training rows that went them. Does not look at rows at all: a grid of 100 points
        costs as much as 100 predictions. The answer is in scores before the link function (boosting), in
        probabilities (classification forests and trees), or in units of the target, constant included.
        'brute': means of predictions over the rows of X. 'auto': 'recursion' where it is possible: averages,
        no ``sample_weight``, one output, and a ``response_method`` that is 'auto' or 'decision_function'.
    kind : {'average', 'individual', 'both'}, default='average'
        'individual' (ICE) and 'both' take the way of 'brute'.
    **options
        ``sample_weight``, ``categorical_features``, ``feature_names``, ``response_method``, ``percentiles``,
        ``grid_resolution``, ``custom_values``: see scikit-learn.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        As of scikit-learn: ``average`` of shape (n_outputs, n_points of the first feature, ...),
        ``individual``, ``grid_values``.

    Raises
    ------
    ValueError
        If 'recursion' is asked for and not possible; or for what scikit-learn refuses.

    Notes
    -----
    The two methods differ where features depend on each other: 'recursion' keeps to combinations of values
    that lie near training rows. scikit-learn's own function and its ``PartialDependenceDisplay`` take our
    estimators by 'brute', as they offer 'recursion' to their own classes alone.

    References
    ----------
    .. [1] J. Friedman. "Greedy function approximation: A gradient boosting machine." Annals of Statistics 29,
       2001, section 8.2.
    """
    from sklearn import inspection

    problem = _problem(estimator, kind, options)
    if method == "recursion" and problem:
        raise ValueError(f"method='recursion' is not possible: {problem}")
    if problem or method not in ("auto", "recursion"):
        return inspection.partial_dependence(estimator, X, features, method=method, kind=kind, **options)
    options.pop("response_method", None)
    return inspection.partial_dependence(
        _as_theirs(estimator), X, features, method="recursion", kind="average", **options
    )


def _problem(estimator, kind, options):
    """Why the trees cannot be asked, or None."""
    if not isinstance(estimator, ShapModel):
        return f"{type(estimator).__name__} is not a sum over trees of fastml"
    if kind != "average":
        return f"kind={kind!r} needs predictions of single rows"
    if options.get("sample_weight") is not None:
        return "sample_weight weighs rows, and it looks at none"
    if options.get("response_method", "auto") not in ("auto", "decision_function"):
        return f"response_method={options['response_method']!r} is not a mean over trees"
    if np.ndim(getattr(estimator, "n_classes_", 0)):
        return "the classifier has several outputs"
    return None


def _as_theirs(model):
    """The model as one of the trees that scikit-learn offers its recursion to."""
    from sklearn.tree import DecisionTreeRegressor

    class Theirs(DecisionTreeRegressor):
        def __sklearn_is_fitted__(self):
            return model.__sklearn_is_fitted__()

        def _compute_partial_dependence_recursion(self, grid, target_features):
            return model._compute_partial_dependence_recursion(grid, target_features)

    theirs = Theirs()
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(model, name):
            setattr(theirs, name, getattr(model, name))
    return theirs
