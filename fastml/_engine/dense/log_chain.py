"""Forward and backward in logarithms: for the sequences that the fast recursions leave in doubt.

Here no probability is too small, but every frame takes n_states^2 exponentials. The fast recursions hand a
sequence over where states are forbidden and its frames contradict the model by factors beyond the range of
floating point (see src_c/dense/forward_backward.h).
"""

import numpy as np

from fastml._engine.runtime.interrupt import check

__all__ = ["log_expectations"]


def log_expectations(startprob, transmat, logs):
    """Log-likelihood, posteriors and expected transitions of one sequence.

    Parameters
    ----------
    startprob : float64 array of shape (n_states,)
    transmat : float64 array of shape (n_states, n_states)
    logs : float64 array of shape (n_frames, n_states)
        Log densities; -infinity is a density of 0.

    Returns
    -------
    likelihood : float
        -infinity if the sequence is impossible; the other results then have no meaning.
    posteriors : float64 array of shape (n_frames, n_states)
    transitions : float64 array of shape (n_states, n_states)
    """
    n_frames, n_states = logs.shape
    with np.errstate(divide="ignore"):
        start, moves = np.log(startprob), np.log(transmat)
    alpha, beta = np.empty_like(logs), np.zeros_like(logs)
    alpha[0] = start + logs[0]
    for t in range(1, n_frames):
        if not t % 4096:
            check()
        alpha[t] = _log_sum(alpha[t - 1][:, None] + moves) + logs[t]
    total = float(_log_sum(alpha[-1][:, None])[0])
    if total == -np.inf:
        return total, beta, np.zeros((n_states, n_states))
    transitions = np.zeros((n_states, n_states))
    reverse = moves.T.copy()
    for t in range(n_frames - 1, 0, -1):
        if not t % 4096:
            check()
        later = logs[t] + beta[t]
        beta[t - 1] = _log_sum(reverse + later[:, None])
        transitions += np.exp(alpha[t - 1][:, None] + moves + later - total)
    posteriors = np.exp(alpha + beta - _log_sum((alpha + beta).T)[:, None])
    return total, posteriors, transitions


def _log_sum(x):
    """log of the sum of exponentials over the first axis."""
    most = x.max(axis=0)
    most[most == -np.inf] = 0.0
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x - most).sum(axis=0)) + most
