"""The prior of documents over topics, learned from what documents have."""

from __future__ import annotations

import numpy as np
from scipy.special import polygamma, psi

__all__ = ["fit_dirichlet"]

_MOST_STEPS = 100
_LEAST, _MOST = 1e-6, 1e6


def fit_dirichlet(mean_log, start, n):
    """Parameters of the Dirichlet distribution for which E[log p] is greatest.

    Parameters
    ----------
    mean_log : float64 array of shape (n_topics,)
        Mean over documents of E[log theta].
    start : float64 array of shape (n_topics,)
        Positive.
    n : float
        Number of documents. A weak prior, exponential of mean 1, keeps the parameters finite.

    Returns
    -------
    float64 array of shape (n_topics,), from 1e-6 to 1e6

    Notes
    -----
    Newton's method in linear time: the Hessian is diagonal plus constant (T. Minka, "Estimating a Dirichlet
    distribution", 2000, equations 15 to 18). A step that would leave the positive numbers is halved.
    """
    alpha = np.clip(np.asarray(start, dtype=np.float64), _LEAST, _MOST)
    if alpha.size == 1:  # one topic has all of a document, whatever its prior
        return alpha
    mean_log = np.maximum(mean_log, -1e7)
    for _ in range(_MOST_STEPS):
        gradient = psi(alpha.sum()) - psi(alpha) + mean_log - 1.0 / n
        diagonal = -polygamma(1, alpha)
        common = polygamma(1, alpha.sum())
        shift = (gradient / diagonal).sum() / (1.0 / common + (1.0 / diagonal).sum())
        step = (gradient - shift) / diagonal
        factor = 1.0
        while ((alpha - factor * step) <= 0).any() and factor > 1e-10:
            factor *= 0.5
        changed = np.clip(alpha - factor * step, _LEAST, _MOST)
        moved = np.abs(changed - alpha).max()
        alpha = changed
        if moved < 1e-10 * alpha.max():
            break
    return alpha
