"""Rows in the order of their labels."""

from __future__ import annotations

import numpy as np

__all__ = ["order_by_label"]


def order_by_label(labels, before, k):
    """Rows to be added to each label, those of one label in a row.

    Parameters
    ----------
    labels : int32 array of shape (n,)
    before : int32 array of shape (n,) or None
        Labels until now: of rows whose label is another now alone, -1 - i at the label that row i leaves.
    k : int
        Number of labels.

    Returns
    -------
    order : int64 array
        The same for the same labels.
    start : int64 array of shape (k + 1,)
        Where those of each label begin.
    """
    rows, owner = np.arange(len(labels)), labels
    if before is not None:
        rows = np.flatnonzero(before != labels)
        owner = np.concatenate([before[rows], labels[rows]])
        rows = np.concatenate([-1 - rows, rows])
    start = np.zeros(k + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner, minlength=k), out=start[1:])
    short = owner.astype(np.uint16) if k <= 1 << 16 else owner  # numpy sorts them in linear time
    return rows[np.argsort(short, kind="stable")], start
