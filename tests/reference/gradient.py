"""Slow, obvious versions of the gradient kernels: float64 formulas, fixed point row by row."""

import numpy as np
from scipy.special import expit, log_softmax, softmax


def losses(loss, y, raw, param=None):
    """Loss of each row.

    Parameters
    ----------
    loss : str
        Name of the kernel.
    y : array of shape (n_rows,)
    raw : float64 array of shape (n_rows,), or (n_classes, n_rows) for the multinomial losses
    param : float
    """
    if loss == "squared_error":
        return (y - raw) ** 2 / 2
    if loss == "absolute_error":
        return np.abs(y - raw)
    if loss == "huber":
        error = np.abs(y - raw)
        return np.where(error <= param, error**2 / 2, param * (error - param / 2))
    if loss == "quantile":
        return np.maximum(param * (y - raw), (param - 1) * (y - raw))
    if loss == "poisson":
        return np.exp(raw) - y * raw
    if loss == "gamma":
        return raw + y / np.exp(raw)
    if loss == "tweedie":
        return np.exp((2 - param) * raw) / (2 - param) - y * np.exp((1 - param) * raw) / (1 - param)
    if loss == "log_binary":
        return np.where(y == 1, np.log1p(np.exp(-raw)), np.log1p(np.exp(raw)))
    if loss == "focal_binary":
        p = np.where(y == 1, expit(raw), expit(-raw))
        return -((1 - p) ** param) * np.log(p)
    log_p = log_softmax(raw, axis=0)[y, np.arange(y.size)]
    if loss == "log_multinomial":
        return -log_p
    if loss == "focal_multinomial":
        return -((1 - np.exp(log_p)) ** param) * log_p
    raise ValueError(loss)


def gradients(loss, y, raw, param=None, k=None):
    """Exact first and second derivative of `losses` by the score (of class k), float64.

    The second derivative of the L1-like losses is 1 by convention.
    """
    one = np.ones(y.size)
    if loss == "squared_error":
        return raw - y, one
    if loss == "absolute_error":
        return np.where(raw > y, 1.0, -1.0), one
    if loss == "huber":
        return np.clip(raw - y, -param, param), one
    if loss == "quantile":
        return np.where(y >= raw, -param, 1 - param), one
    if loss == "poisson":
        return np.exp(raw) - y, np.exp(raw)
    if loss == "gamma":
        return 1 - y * np.exp(-raw), y * np.exp(-raw)
    if loss == "tweedie":
        a, b = np.exp((2 - param) * raw), y * np.exp((1 - param) * raw)
        return a - b, (2 - param) * a - (1 - param) * b
    if loss == "log_binary":
        return expit(raw) - y, expit(raw) * expit(-raw)
    if loss == "log_multinomial":
        p = softmax(raw, axis=0)[k]
        return p - (y == k), p * (1 - p)
    raise ValueError(loss)


def central_differences(loss, y, raw, param=None, k=None, step=1e-4):
    """Both derivatives from three values of the loss, for the losses without an obvious formula."""
    up, down = np.array(raw), np.array(raw)
    (up if k is None else up[k])[...] += step
    (down if k is None else down[k])[...] -= step
    low, mid, high = (losses(loss, y, r, param) for r in (down, raw, up))
    return (high - low) / (2 * step), (high - 2 * mid + low) / step**2


def sums(values):
    """The kernels' sum: 64 lanes per block of 4096, folded in halves, blocks added in order."""
    total = 0.0
    for first in range(0, values.size, 4096):
        lanes = [0.0] * 64
        for i, value in enumerate(values[first : first + 4096].tolist()):
            lanes[i % 64] += value
        while len(lanes) > 1:
            half = len(lanes) // 2
            lanes = [lanes[j] + lanes[j + half] for j in range(half)]
        total += lanes[0]
    return total


def scale(largest, total, most, n):
    """Largest power of two that keeps one value below `most` and every sum below 2^31."""
    if largest == 0:
        return 1.0
    power = 170
    while largest * 2.0**power > most or total * 2.0**power + n > 2**31 - 4096:
        power -= 1
    return 2.0**power


def key_of(seed):
    """Finaliser of splitmix64."""
    mask = 2**64 - 1
    x = (seed + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


def row_hash(row, key):
    """32 fair bits of a row."""
    mask = 2**32 - 1
    x = (row + key) & mask
    x = ((x ^ (x >> 16)) * 0x21F0AAAD) & mask
    x = (((x ^ (x >> 15)) + (key >> 32)) * 0xD35A2D97) & mask
    return x ^ (x >> 15)


def pack(g, h=None, rows=None, seed=0):
    """Fixed point of each row and what the kernel reports, with Python's integers."""
    rows = range(g.size) if rows is None else rows.tolist()
    g = g.astype(np.float64)[list(rows)]
    n, key = g.size, key_of(seed)
    scale_g = scale(np.abs(g).max(initial=0), sums(np.abs(g)), 32766, n)
    scale_h = 1.0
    if h is not None:
        h = h.astype(np.float64)[list(rows)]
        scale_h = scale(h.max(initial=0), sums(h), 65534, n)
    gq, hq = [], []
    for i, row in enumerate(rows):
        random = row_hash(row, key)
        gq.append((_nearest(g[i] * scale_g * 2.0**16) + (random >> 16)) >> 16)
        hq.append(1 if h is None else (_nearest(h[i] * scale_h * 2.0**15) + (random & 0x7FFF)) >> 15)
    gh = np.array([(a & 0xFFFF) << 16 | b for a, b in zip(gq, hq, strict=True)], dtype=np.uint32)
    return gh, {
        "scale_g": scale_g,
        "scale_h": scale_h,
        "sum_g": sum(gq),
        "sum_h": sum(hq),
        "min_hq": min(hq, default=0),
        "max_hq": max(hq, default=0),
    }


def _nearest(x):
    """Half away from zero; as the kernel, which adds the half in float32."""
    x = np.float32(x)
    return int(x + np.copysign(np.float32(0.5), x))
