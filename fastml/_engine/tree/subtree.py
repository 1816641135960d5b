"""What a node knows from the nodes below it: order, sums, values and impurities."""

from __future__ import annotations

import numpy as np

__all__ = ["depth_first", "impurity_of_shares", "inner_by_depth", "merge_leaves"]


def inner_by_depth(left: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
    """The inner nodes of each level of a tree, from the root down."""
    levels: list[np.ndarray] = []
    nodes = np.zeros(1 if left.size else 0, dtype=np.intp)
    while True:
        nodes = nodes[left[nodes] >= 0]
        if not nodes.size:
            return levels
        levels.append(nodes)
        nodes = np.concatenate([left[nodes], right[nodes]])


def depth_first(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The nodes in depth-first order, left before right."""
    levels = inner_by_depth(left, right)
    size = np.ones(left.size, dtype=np.intp)
    for nodes in reversed(levels):
        size[nodes] += size[left[nodes]] + size[right[nodes]]
    place = np.zeros(left.size, dtype=np.intp)
    for nodes in levels:
        place[left[nodes]] = place[nodes] + 1
        place[right[nodes]] = place[nodes] + 1 + size[left[nodes]]
    order = np.empty_like(place)
    order[place] = np.arange(left.size)
    return order


def impurity_of_shares(criterion: str, n_classes: tuple[int, ...], shares: np.ndarray) -> np.ndarray:
    """Impurity of nodes from the shares of classes, the mean over outputs."""
    impurity, first = np.zeros(len(shares)), 0
    for n in n_classes:
        p = shares[:, first : first + n]
        if criterion == "gini":
            impurity += 1.0 - (p * p).sum(axis=1)
        else:
            impurity -= (p * np.log2(np.where(p > 0, p, 1.0))).sum(axis=1)
        first += n
    return np.maximum(impurity / len(n_classes), 0.0)


def merge_leaves(criterion, n_classes, levels, tree, weight, value, impurity) -> None:
    """Fill in values and impurities of inner nodes from those of the leaves, in place.

    Parameters
    ----------
    criterion : str
    n_classes : tuple of int or None
    levels : list of arrays
        As `inner_by_depth`.
    tree : dict
        ``left`` and ``right``.
    weight : float64 array of shape (n_nodes,)
    value : float64 array of shape (n_nodes, width)
    impurity : float64 array of shape (n_nodes,)
        For classification computed in the leaves, too.
    """
    if criterion == "poisson":
        # sum of w y log y, which is additive
        impurity *= weight * value.shape[1]
        impurity += weight * _y_log_y(value)
    for inner in reversed(levels):
        a, b = tree["left"][inner], tree["right"][inner]
        wa, wb, w = weight[a], weight[b], weight[inner]
        empty = w == 0  # no row has come to either child: either is as likely
        wa, wb, w = np.where(empty, 0.5, wa), np.where(empty, 0.5, wb), np.where(empty, 1.0, w)
        value[inner] = (wa[:, None] * value[a] + wb[:, None] * value[b]) / w[:, None]
        if criterion == "squared_error":
            apart = ((value[a] - value[b]) ** 2).mean(axis=1) * wa * wb / w
            impurity[inner] = (wa * impurity[a] + wb * impurity[b] + apart) / w
        elif criterion == "poisson":
            impurity[inner] = impurity[a] + impurity[b]
    if criterion == "poisson":
        impurity -= weight * _y_log_y(value)
        impurity /= weight * value.shape[1]
        np.maximum(impurity, 0.0, out=impurity)
    if n_classes is not None:
        impurity[:] = impurity_of_shares(criterion, n_classes, value)


def _y_log_y(value):
    return (value * np.log(np.where(value > 0, value, 1.0))).sum(axis=1)
