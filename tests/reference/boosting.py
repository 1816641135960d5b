"""The slow, obvious boosting loop: derivatives by hand, trees by `reference.grow`, one row at a time."""

import math

import numpy as np

from tests.reference.grow import grow


def derivatives(loss, y, raw):
    """Gradient and hessian of one row's loss by each score."""
    if loss == "squared_error":
        return [raw[0] - y], [1.0]
    if loss == "log_loss" and len(raw) == 1:
        p = 1 / (1 + math.exp(-raw[0]))
        return [p - y], [p * (1 - p)]
    top = max(raw)
    total = sum(math.exp(r - top) for r in raw)
    p = [math.exp(r - top) / total for r in raw]
    return [p[k] - (y == k) for k in range(len(raw))], [q * (1 - q) for q in p]


def leaf_of(tree, codes):
    """Number of the leaf that a row of codes falls into."""
    node = 0
    while tree[node]["left"] >= 0:
        code = codes[tree[node]["feature"]]
        goes_left = tree[node]["missing_left"] if code == 0 else code <= tree[node]["code"]
        node = tree[node]["left"] if goes_left else tree[node]["right"]
    return node


def boost(codes, n_codes, y, loss, baseline, n_rounds, learning_rate, **limits):
    """Scores of all rows after each round: a list of arrays (n_outputs, n_rows)."""
    raw = np.repeat(np.asarray(baseline, dtype=float)[:, None], len(y), axis=1)
    history = []
    for _ in range(n_rounds):
        pairs = [derivatives(loss, y[i], raw[:, i].tolist()) for i in range(len(y))]
        for k in range(len(raw)):
            g = np.array([pair[0][k] for pair in pairs])
            h = np.array([pair[1][k] for pair in pairs])
            tree = grow(codes, n_codes, g, h, **limits)
            if len(tree) > 1:
                for i in range(len(y)):
                    raw[k, i] += learning_rate * tree[leaf_of(tree, codes[i])]["value"]
        history.append(raw.copy())
    return history
