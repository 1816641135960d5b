"""Checks of what a user says about features: which are categorical, monotonic, allowed to interact.

The accepted forms are those of scikit-learn's HistGradientBoosting estimators.
"""

from __future__ import annotations

import itertools
from numbers import Integral

import numpy as np

__all__ = ["categorical_mask", "interaction_groups", "monotonic_directions"]


def categorical_mask(table, categorical_features):
    """Which columns are categorical.

    Parameters
    ----------
    table : Table
    categorical_features : "from_dtype", None, or array-like of bool, int or str

    Returns
    -------
    bool array of shape (n_features,), or None when no column is categorical

    Raises
    ------
    ValueError
        If the entries are of another type, are out of range, or name no column.
    """
    n_features = table.shape[1]
    if categorical_features is None:
        return None
    if isinstance(categorical_features, str):  # "from_dtype": the only text that validation lets through
        if table.names is None:
            return None
        mask = np.array([table.is_category(j) for j in range(n_features)], dtype=bool)
        return mask if mask.any() else None

    given = np.asarray(categorical_features)
    if given.size == 0:
        return None
    if given.ndim == 0:
        raise ValueError(
            "categorical_features must be an array-like of bool, int or str, got: "
            f"{type(categorical_features).__name__}."
        )
    if given.dtype.kind not in "iubUO":
        raise ValueError(
            f"categorical_features must be an array-like of bool, int or str, got: {given.dtype.name}."
        )
    if given.dtype.kind == "O" and {type(item) for item in given} != {str}:
        kinds = sorted({type(item).__name__ for item in given})
        raise ValueError(
            f"categorical_features must be an array-like of bool, int or str, got: {', '.join(kinds)}."
        )
    if given.dtype.kind == "b":
        if given.shape != (n_features,):
            raise ValueError(
                "categorical_features set as a boolean mask must have shape (n_features,), got: "
                f"{given.shape}"
            )
        return given if given.any() else None
    mask = np.zeros(n_features, dtype=bool)
    if given.dtype.kind in "UO":
        mask[_positions(given, table)] = True
    else:
        if given.min() < 0 or given.max() >= n_features:
            raise ValueError("categorical_features set as integer indices must be in [0, n_features - 1]")
        mask[given] = True
    return mask


def _positions(names, table):
    if table.names is None:
        raise ValueError(
            "categorical_features should be passed as an array of integers or as a boolean mask when the "
            "model is fitted on data without feature names."
        )
    known = {name: j for j, name in enumerate(table.names)}
    for name in names:
        if name not in known:
            raise ValueError(
                f"categorical_features has an item value '{name}' which is not a valid feature name of the "
                f"training data. Observed feature names: {table.names}"
            )
    return [known[name] for name in names]


def monotonic_directions(monotonic_cst, n_features, names, is_categorical, title="the estimator"):
    """Direction of each feature's constraint.

    Parameters
    ----------
    monotonic_cst : array-like of shape (n_features,), dict of name to int, or None
    n_features : int
    names : array of str or None
        Feature names that the keys of a dict refer to.
    is_categorical : bool array of shape (n_features,) or None

    Returns
    -------
    int8 array of shape (n_features,) of -1, 0, 1, or None when nothing is constrained

    Raises
    ------
    ValueError
        For other values, unknown names, a wrong length, or a constraint on a categorical feature.
    """
    if monotonic_cst is None:
        return None
    if isinstance(monotonic_cst, dict):
        directions = _directions_by_name(monotonic_cst, n_features, names, title)
    else:
        given = np.asarray(monotonic_cst)
        if given.dtype.kind in "biuf":
            strange = np.setdiff1d(given, [-1, 0, 1]).tolist()
        else:
            strange = [value for value in given.ravel().tolist() if value not in (-1, 0, 1)]
        if strange:
            raise ValueError(
                f"monotonic_cst must be an array-like of -1, 0 or 1. Observed values: {strange}."
            )
        if given.shape != (n_features,):
            raise ValueError(
                f"monotonic_cst has shape {given.shape} but the input data X has {n_features} features."
            )
        directions = given.astype(np.int8)
    if is_categorical is not None and np.any(directions[is_categorical]):
        raise ValueError("Categorical features cannot have monotonic constraints.")
    return directions if directions.any() else None


def _directions_by_name(monotonic_cst, n_features, names, title):
    if names is None:
        raise ValueError(
            f"{title} was not fitted on data with feature names. Pass monotonic_cst as an integer array "
            "instead."
        )
    place = {name: j for j, name in enumerate(names)}
    unknown = sorted(str(name) for name in monotonic_cst if name not in place)
    if unknown:
        shown = unknown[:5] + ["..."] * (len(unknown) > 5)
        raise ValueError(f"monotonic_cst contains {len(unknown)} unexpected feature names: {shown}.")
    directions = np.zeros(n_features, dtype=np.int8)
    for name, direction in monotonic_cst.items():
        if direction not in (-1, 0, 1):
            raise ValueError(f"monotonic_cst['{name}'] must be either -1, 0 or 1. Got {direction!r}.")
        directions[place[name]] = direction
    return directions


def interaction_groups(interaction_cst, n_features):
    """Sets of features that may appear together on a path.

    Parameters
    ----------
    interaction_cst : "pairwise", "no_interactions", sequence of sets, lists or tuples of int, or None
    n_features : int

    Returns
    -------
    list of set of int, or None
        Features that were not listed form one more set.

    Raises
    ------
    ValueError
        If a group is not a collection or an entry is not the index of a feature.
    """
    if interaction_cst is None:
        return None
    if isinstance(interaction_cst, str):
        size = {"no_interactions": 1, "pairwise": 2}[interaction_cst]
        groups = [set(group) for group in itertools.combinations(range(n_features), size)]
    else:
        try:
            groups = [set(group) for group in interaction_cst]
        except TypeError:
            raise ValueError(
                f"Interaction constraints must be a sequence of tuples or lists, got: {interaction_cst!r}."
            ) from None
    for group in groups:
        if not all(isinstance(j, Integral) and 0 <= j < n_features for j in group):
            raise ValueError(
                "Interaction constraints must consist of integer indices in [0, n_features - 1] = "
                f"[0, {n_features - 1}], specifying the position of features, got invalid indices: {group!r}"
            )
    groups = [set(map(int, group)) for group in groups]  # True is an index, but also a mask
    rest = set(range(n_features)).difference(*groups)
    return [*groups, rest] if rest else groups
