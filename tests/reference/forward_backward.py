"""Hidden Markov models, slowly: every recursion in logarithms, frame by frame (Rabiner 1989, section III).

`logs` are log densities of shape (n_frames, n_states) of one sequence.
"""

import itertools

import numpy as np


def log_sum(x, axis):
    most = x.max(axis=axis, keepdims=True)
    most = np.where(np.isfinite(most), most, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x - most).sum(axis=axis)) + np.squeeze(most, axis)


def log(x):
    with np.errstate(divide="ignore"):
        return np.log(np.asarray(x, dtype=np.float64))


def forward(startprob, transmat, logs):
    """log alpha, of shape (n_frames, n_states), and the log-likelihood."""
    out = np.empty_like(logs)
    moves = log(transmat)
    out[0] = log(startprob) + logs[0]
    for t in range(1, len(logs)):
        out[t] = log_sum(out[t - 1][:, None] + moves, axis=0) + logs[t]
    return out, float(log_sum(out[-1], axis=0))


def backward(transmat, logs):
    """log beta, of shape (n_frames, n_states)."""
    out = np.zeros_like(logs)
    moves = log(transmat)
    for t in range(len(logs) - 2, -1, -1):
        out[t] = log_sum(moves + logs[t + 1] + out[t + 1], axis=1)
    return out


def expectations(startprob, transmat, logs):
    """Log-likelihood, posteriors (n_frames, n_states), expected transitions (n_states, n_states)."""
    a, total = forward(startprob, transmat, logs)
    b = backward(transmat, logs)
    gamma = np.exp(a + b - total)
    moves = log(transmat)
    xi = np.zeros_like(moves)
    for t in range(1, len(logs)):
        xi += np.exp(a[t - 1][:, None] + moves + logs[t] + b[t] - total)
    return total, gamma, xi


def viterbi(startprob, transmat, logs):
    """Log probability of the most likely path, and the path; of equal states the lowest."""
    moves = log(transmat)
    best = log(startprob) + logs[0]
    back = np.zeros(logs.shape, dtype=int)
    for t in range(1, len(logs)):
        ways = best[:, None] + moves
        back[t] = ways.argmax(axis=0)
        best = ways.max(axis=0) + logs[t]
    path = np.empty(len(logs), dtype=int)
    path[-1] = best.argmax()
    for t in range(len(logs) - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return float(best.max()), path


def enumerate_paths(startprob, transmat, logs):
    """The same as `expectations` and `viterbi`, from every path there is."""
    n_frames, n_states = logs.shape
    startprob, transmat = np.asarray(startprob), np.asarray(transmat)
    densities = np.exp(logs)
    total, gamma, xi = 0.0, np.zeros(logs.shape), np.zeros((n_states, n_states))
    best, best_path = -1.0, None
    for path in itertools.product(range(n_states), repeat=n_frames):
        p = startprob[path[0]] * densities[0, path[0]]
        for t in range(1, n_frames):
            p *= transmat[path[t - 1], path[t]] * densities[t, path[t]]
        total += p
        for t in range(n_frames):
            gamma[t, path[t]] += p
        for t in range(1, n_frames):
            xi[path[t - 1], path[t]] += p
        if p > best * (1 + 1e-12):
            best, best_path = p, path
    return np.log(total), gamma / total, xi / total, np.log(best), np.array(best_path)


def gaussian_logs(X, means, covariances):
    """Log densities of frames X under means (k, d) and full covariances (k, d, d)."""
    out = np.empty((len(X), len(means)))
    for k, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
        for t, x in enumerate(X):
            known = ~np.isnan(x)
            difference, part = (x - mean)[known], covariance[np.ix_(known, known)]
            out[t, k] = (
                -0.5
                * (
                    known.sum() * np.log(2 * np.pi)
                    + np.linalg.slogdet(part)[1]
                    + difference @ np.linalg.solve(part, difference)
                )
                if known.any()
                else 0.0
            )
    return out
