"""Limits of growth as counts: what a share of the rows or of the features comes to."""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np

__all__ = ["features_per_node", "growth_limits", "monotonic_signs"]


def features_per_node(max_features, n_features):
    """Features that are drawn for each node.

    Parameters
    ----------
    max_features : int, float, "sqrt", "log2" or None
    n_features : int

    Returns
    -------
    int
        At least 1.
    """
    if max_features is None:
        return n_features
    if max_features == "sqrt":
        return max(1, int(np.sqrt(n_features)))
    if max_features == "log2":
        return max(1, int(np.log2(n_features)))
    if isinstance(max_features, Integral):
        return int(max_features)
    return max(1, int(max_features * n_features))


def growth_limits(model, n_rows, n_features, total_weight, whole_weights):
    """The limits of a model's parameters, as `CartGrower` takes them.

    Parameters
    ----------
    model : estimator
        With the parameters of a decision tree.
    n_rows, n_features : int
    total_weight : float
    whole_weights : bool
        Whether all weights are whole numbers.

    Returns
    -------
    dict
    """
    leaf, split = model.min_samples_leaf, model.min_samples_split
    leaf = int(leaf) if isinstance(leaf, Integral) else math.ceil(leaf * n_rows)
    split = int(split) if isinstance(split, Integral) else max(2, math.ceil(split * n_rows))
    weight = float(model.min_weight_fraction_leaf * total_weight)
    return {
        "max_depth": None if model.max_depth is None else int(model.max_depth),
        "min_samples_split": max(split, 2 * leaf),
        "min_samples_leaf": leaf,
        # a sum of whole numbers is not below the limit if it is not below the next whole one
        "min_weight_leaf": float(math.ceil(weight)) if whole_weights else weight,
        "max_features": min(features_per_node(model.max_features, n_features), n_features),
        "max_leaf_nodes": None if model.max_leaf_nodes is None else int(model.max_leaf_nodes),
        "min_impurity_decrease": float(model.min_impurity_decrease),
    }


def monotonic_signs(monotonic_cst, n_features, n_outputs, n_classes, is_categorical):
    """Direction of each feature's constraint: int8 array of shape (n_features,), or None.

    Raises
    ------
    ValueError
        For several outputs or more than two classes, other values, a wrong length, or a constraint on a
        categorical feature.
    """
    if monotonic_cst is None:
        return None
    if n_outputs > 1:
        raise ValueError("Monotonicity constraints are not supported with multiple outputs.")
    signs = np.asarray(monotonic_cst)
    if signs.shape != (n_features,):
        raise ValueError(
            f"monotonic_cst has shape {signs.shape[0] if signs.ndim else 0} but the input data X has "
            f"{n_features} features."
        )
    if not np.isin(signs, (-1, 0, 1)).all():
        raise ValueError(
            f"monotonic_cst must be None or an array-like of -1, 0 or 1, but got {np.unique(signs)}"
        )
    if n_classes is not None and n_classes[0] > 2:
        raise ValueError("Monotonicity constraints are not supported with multiclass classification")
    if is_categorical is not None and signs[is_categorical].any():
        raise ValueError("Categorical features cannot have monotonic constraints.")
    return signs.astype(np.int8)
