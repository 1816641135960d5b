"""How often two rows share a leaf."""

from __future__ import annotations

import numpy as np
from scipy import sparse

__all__ = ["proximities"]

# Proximities computed at once, before the greatest are chosen.
_PAIRS = 1 << 24


def proximities(own, others, top=None):
    """Share of the trees in which two rows fall into the same leaf.

    Parameters
    ----------
    own : int array of shape (n_rows, n_trees)
        Leaf of each row in each tree.
    others : int array of shape (n_others, n_trees)
    top : int, optional
        Most proximities kept for a row.

    Returns
    -------
    CSR array of shape (n_rows, n_others)
    """
    if top is not None and top < 1:
        raise ValueError(f"top must be at least 1, or None for all, got {top}")
    n_trees = own.shape[1]
    first = np.concatenate([[0], np.cumsum(np.maximum(own.max(axis=0), others.max(axis=0)) + 1)])
    of_leaf = _indicator(others, first).T.tocsr()
    mine = _indicator(own, first)
    step = max(1, _PAIRS // max(1, len(others)))
    parts = []
    for lo in range(0, len(own), step):
        part = (mine[lo : lo + step] @ of_leaf).tocsr()
        parts.append(part if top is None else _greatest(part, top))
    found = sparse.vstack(parts, format="csr")
    found.sort_indices()
    return sparse.csr_array((found.data / n_trees, found.indices, found.indptr), shape=found.shape)


def _indicator(leaf, first):
    """One in the column of each leaf that a row falls into."""
    n_rows, n_trees = leaf.shape
    columns = (leaf + first[:-1]).ravel()
    starts = np.arange(0, n_rows * n_trees + 1, n_trees)
    ones = np.ones(columns.size, dtype=np.int32)
    return sparse.csr_array((ones, columns, starts), shape=(n_rows, int(first[-1])))


def _greatest(part, top):
    part.sort_indices()
    row = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
    order = np.lexsort((part.indices, -part.data, row))
    rank = np.arange(order.size) - part.indptr[row[order]]
    kept = order[rank < top]
    ij = (row[kept], part.indices[kept])
    return sparse.csr_array((part.data[kept], ij), shape=part.shape)
