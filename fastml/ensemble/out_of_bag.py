"""What the trees of a forest say about the rows that they have not seen."""

from __future__ import annotations

import numpy as np

from fastml._engine.tree.walk import add_values, leaves

__all__ = ["in_bag_bits", "oob_importances", "oob_scores", "oob_values"]

# Trees whose bags are held at once: a bit for each row and tree.
_TREES = 64


def in_bag_bits(counts):
    """Bits of the rows that were drawn: uint8 array of shape (n_trees, ceil(n_rows / 8)).

    Parameters
    ----------
    counts : iterable of integer arrays of shape (n_rows,)
        One for each tree.
    """
    return np.stack([np.packbits(np.asarray(one) > 0, bitorder="little") for one in counts])


def oob_values(forest, rows):
    """Mean value of the trees that have not seen a row.

    Returns
    -------
    values : float64 array of shape (n_rows, width)
        Zero where there is no such tree.
    n_used : int32 array of shape (n_rows,)
        Trees.
    """
    cart = forest._cart
    sums, n_used = np.zeros((rows.n_rows, cart.width)), np.zeros(rows.n_rows, dtype=np.int32)
    for first in range(0, len(cart), _TREES):
        last = min(first + _TREES, len(cart))
        add_values(
            cart, rows, sums, first, last, forest._in_bag(first, last), n_used, n_threads=forest._threads()
        )
    return _mean(cart, sums, n_used), n_used


def _mean(cart, sums, n_used):
    mean = sums / np.maximum(n_used, 1)[:, None]
    if cart.n_classes == (2,):
        mean[:, 0] = np.where(n_used > 0, 1.0 - mean[:, 1], 0.0)
    return mean


def oob_scores(forest, rows, targets, score):
    """Score of the first tree, the first two, and so on: float64 array of shape (n_trees,)."""
    cart = forest._cart
    sums, n_used = np.zeros((rows.n_rows, cart.width)), np.zeros(rows.n_rows, dtype=np.int32)
    scores = np.full(len(cart), np.nan)
    for tree in range(len(cart)):
        add_values(
            cart,
            rows,
            sums,
            tree,
            tree + 1,
            forest._in_bag(tree, tree + 1),
            n_used,
            n_threads=forest._threads(),
        )
        known = n_used > 0
        if known.any():
            predicted = forest._predicted_codes(_mean(cart, sums[known], n_used[known]))
            true = targets[known]
            scores[tree] = score(true[:, 0] if true.shape[1] == 1 else true, predicted)
    return scores


def oob_importances(forest, rows, targets):
    """Sum over the splits of a feature of how far they move out-of-bag rows towards their targets.

    For a row below a split the tree's value changes from that of the node to that of the child; times the
    row's target (for classes: one for its own, zero for others), the mean over rows, summed over the splits.
    """
    cart = forest._cart
    wanted = _targets_of_values(cart, targets)
    total = np.zeros(forest.n_features_in_)
    for index in range(len(cart)):
        place = leaves(cart, rows, index, index + 1, n_threads=forest._threads())[:, 0]
        unseen = np.flatnonzero(forest._counts(index) == 0)
        if not unseen.size:
            continue
        tree = cart.tree(index)
        n_nodes = tree["left"].size
        sums = np.stack([np.bincount(place[unseen], column[unseen], n_nodes) for column in wanted.T], axis=1)
        inner = np.flatnonzero(tree["left"] >= 0)
        for node in _levels_up(tree):
            sums[node] = sums[tree["left"][node]] + sums[tree["right"][node]]
        moved = np.zeros(inner.size)
        for side in ("left", "right"):
            child = tree[side][inner]
            moved += ((tree["value"][child] - tree["value"][inner]) * sums[child]).sum(axis=1)
        total += np.bincount(tree["feature"][inner], moved, total.size) / unseen.size
    return total / (len(cart) * cart.n_outputs)


def _targets_of_values(cart, targets):
    """The targets in the shape of the trees' values: float64 array of shape (n_rows, width)."""
    if cart.n_classes is None:
        return targets
    wanted, first = np.zeros((len(targets), cart.width)), 0
    for k, n in enumerate(cart.n_classes):
        wanted[np.arange(len(targets)), first + targets[:, k]] = 1.0
        first += n
    return wanted


def _levels_up(tree):
    from fastml._engine.tree.subtree import inner_by_depth

    return reversed(inner_by_depth(tree["left"], tree["right"]))
