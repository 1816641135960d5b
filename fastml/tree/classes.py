"""From shares of classes to labels, and from sums to regression values, for one output or several."""

from __future__ import annotations

import numpy as np

__all__ = ["labels_of_shares", "logs", "split_outputs"]


def split_outputs(shares, n_classes):
    """Shares of all outputs' classes, side by side, as one array or a list of one array per output."""
    if np.ndim(n_classes) == 0:
        return shares
    ends = np.cumsum(n_classes)[:-1]
    return [np.ascontiguousarray(part) for part in np.split(shares, ends, axis=1)]


def labels_of_shares(shares, classes):
    """The label of the greatest share of each row and output.

    Parameters
    ----------
    shares : float64 array of shape (n_rows, n_classes), or list of such
    classes : ndarray of shape (n_classes,), or list of such

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_outputs)
    """
    if not isinstance(shares, list):
        return classes.take(shares.argmax(axis=1), axis=0)
    found = [known.take(part.argmax(axis=1)) for part, known in zip(shares, classes, strict=True)]
    return np.stack(found, axis=1)


def logs(shares):
    """Logarithms, minus infinity for a share of zero."""
    with np.errstate(divide="ignore"):
        return [np.log(part) for part in shares] if isinstance(shares, list) else np.log(shares)
