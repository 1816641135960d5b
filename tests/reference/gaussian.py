"""EM of Gaussian mixtures, a row and a component at a time, with missing values: slow and obvious."""

import numpy as np


def log_density(x, mean, covariance):
    """Log density of the known entries of x (not NaN) under a normal distribution; 0 if there are none."""
    known = ~np.isnan(x)
    away = x[known] - mean[known]
    covariance = covariance[np.ix_(known, known)]
    log_det = np.linalg.slogdet(covariance)[1]
    quadratic = away @ np.linalg.solve(covariance, away)
    return -0.5 * (known.sum() * np.log(2 * np.pi) + log_det + quadratic)


def completed(x, mean, covariance):
    """Expected x given its known entries, and the covariance of what is left open (zero where known)."""
    known = ~np.isnan(x)
    full, spread = x.copy(), np.zeros((len(x), len(x)))
    if not known.all():
        cross = covariance[np.ix_(~known, known)]
        gain = np.linalg.solve(covariance[np.ix_(known, known)], cross.T).T
        full[~known] = mean[~known] + gain @ (x[known] - mean[known])
        spread[np.ix_(~known, ~known)] = covariance[np.ix_(~known, ~known)] - gain @ cross.T
    return full, spread


def e_step(X, weights, means, covariances):
    """Responsibilities (n, k) and log densities of the mixture (n,)."""
    joint = np.array(
        [
            [np.log(w) + log_density(x, m, c) for w, m, c in zip(weights, means, covariances, strict=True)]
            for x in X
        ]
    )
    most = joint.max(axis=1, keepdims=True)
    log_prob = most[:, 0] + np.log(np.exp(joint - most).sum(axis=1))
    return np.exp(joint - log_prob[:, None]), log_prob


def m_step(X, resp, means, covariances, covariance_type, reg_covar=0.0):
    """Weights, means and covariances (k, d, d) from responsibilities, which may be weighted."""
    n, d = X.shape
    k = resp.shape[1]
    weight, first = resp.sum(axis=0), np.zeros((k, d))
    filled = [[completed(x, means[j], covariances[j]) for j in range(k)] for x in X]
    for i in range(n):
        for j in range(k):
            first[j] += resp[i, j] * filled[i][j][0]
    new = first / weight[:, None]
    scatter = np.zeros((k, d, d))
    for i in range(n):
        for j in range(k):
            full, spread = filled[i][j]
            scatter[j] += resp[i, j] * (np.outer(full - new[j], full - new[j]) + spread)
    if covariance_type == "tied":
        matrices = np.repeat((scatter.sum(axis=0) / weight.sum())[None], k, axis=0)
    else:
        matrices = scatter / weight[:, None, None]
    if covariance_type in ("diag", "spherical"):
        matrices = matrices * np.eye(d)
    if covariance_type == "spherical":
        matrices = np.einsum("kaa->k", matrices)[:, None, None] / d * np.eye(d)
    return weight / weight.sum(), new, matrices + reg_covar * np.eye(d)


def em(X, weights, means, covariances, covariance_type, n_iter, sample_weight=None, reg_covar=0.0):
    """Iterate; returns weights, means, covariances and the mean log-likelihood before each update."""
    sample_weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    bounds = []
    for _ in range(n_iter):
        resp, log_prob = e_step(X, weights, means, covariances)
        bounds.append(sample_weight @ log_prob / sample_weight.sum())
        weights, means, covariances = m_step(
            X, resp * sample_weight[:, None], means, covariances, covariance_type, reg_covar
        )
    return weights, means, covariances, bounds
