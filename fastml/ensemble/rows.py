"""Rows that a fit is given: for training, for early stopping, for evaluation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing

__all__ = ["Rows", "named_sets", "take_rows"]


class Rows:
    """Rows of one role, from the user's arrays to binned codes and scores.

    Attributes
    ----------
    X : object
        As the user gave it; or a pair (X, row numbers) of rows that were set aside. Scorers get it.
    data : object or None
        As the BinMapper reads it.
    y, weight : array of shape (n_rows,); weight may be None
    margin : float64 array of shape (n_outputs, n_rows) or None
        Base margin.
    binned : BinnedMatrix or None
    raw : float64 array of shape (n_outputs, n_rows) or None
        Scores.
    """

    def __init__(self, X=None, y=None, weight=None, margin=None):
        self.X = X
        self.y = y
        self.weight = weight
        self.margin = margin
        self.data = self.binned = self.raw = None

    def move(self, y, weight, raw):
        """Take over the same rows in another order."""
        self.y, self.weight, self.raw = y, weight, raw


def take_rows(X, rows):
    """Some rows of a table of the user, as a table of the same library.

    Parameters
    ----------
    X : array-like, data frame or sparse matrix of shape (n_rows, n_features)
    rows : integer array
    """
    if sparse.issparse(X):
        X = X.tocsr()  # not every format has rows
    elif type(X).__name__ == "RecordBatch":
        return X.take(rows)
    elif not hasattr(X, "shape"):
        X = np.asarray(X)
    return _safe_indexing(X, rows)


def named_sets(eval_set):
    """Evaluation sets by name.

    Parameters
    ----------
    eval_set : dict of str to tuple, list of tuples, tuple, or None

    Returns
    -------
    dict of str to Rows

    Raises
    ------
    TypeError, ValueError
        If a set is not a tuple (X, y), (X, y, sample_weight) or (X, y, sample_weight, base_margin).
    """
    if eval_set is None:
        return {}
    if isinstance(eval_set, Mapping):
        items = list(eval_set.items())
    elif isinstance(eval_set, tuple) and not all(isinstance(part, tuple) for part in eval_set):
        items = [("eval_0", eval_set)]
    elif isinstance(eval_set, (list, tuple)):
        items = [(f"eval_{i}", part) for i, part in enumerate(eval_set)]
    else:
        raise TypeError(
            f"eval_set must be a dict, a list of tuples or a tuple, got {type(eval_set).__name__}"
        )
    sets = {}
    for name, part in items:
        if not isinstance(name, str):
            raise TypeError(f"the names in eval_set must be text, got {name!r}")
        if not isinstance(part, (tuple, list)) or not 2 <= len(part) <= 4:
            raise ValueError(
                f"eval_set {name!r} must be (X, y), (X, y, sample_weight) or "
                "(X, y, sample_weight, base_margin)"
            )
        sets[name] = Rows(*part)
    return sets
