"""Self-organising maps, slow and obvious: every pair of row and node is looked at.

Notation of Kohonen, "Self-Organizing Maps", 3rd edition, 2001: x rows, m codebook, h neighbourhood.
"""

import itertools
import math

import numpy as np


def positions(n_rows, n_columns, topology):
    places = []
    for row in range(n_rows):
        for column in range(n_columns):
            if topology == "hexagonal":
                places.append((column + (0.5 if row % 2 else 0.0), row * math.sqrt(3) / 2))
            else:
                places.append((float(column), float(row)))
    return places


def map_distances(n_rows, n_columns, topology, surface, chebyshev=False):
    """Least distance over all copies of a node that a closed surface has."""
    places = positions(n_rows, n_columns, topology)
    period_x = n_columns
    period_y = n_rows * (math.sqrt(3) / 2 if topology == "hexagonal" else 1.0)
    copies_x = (-1, 0, 1) if surface != "planar" else (0,)
    copies_y = (-1, 0, 1) if surface == "toroidal" else (0,)
    out = np.empty((len(places), len(places)))
    for i, (xi, yi) in enumerate(places):
        for j, (xj, yj) in enumerate(places):
            out[i, j] = min(
                max(abs(xi - xj + a * period_x), abs(yi - yj + b * period_y))
                if chebyshev
                else math.hypot(xi - xj + a * period_x, yi - yj + b * period_y)
                for a, b in itertools.product(copies_x, copies_y)
            )
    return out


def neighbourhood(name, distance, radius):
    if radius == 0:
        return 1.0 if distance == 0 else 0.0
    u = distance / radius
    inside = u <= 1
    return {
        "gaussian": math.exp(-u * u / 2),
        "cut_gaussian": math.exp(-u * u / 2) if inside else 0.0,
        "bubble": 1.0 if inside else 0.0,
        "mexican_hat": (1 - u * u) * math.exp(-u * u / 2),
        "triangle": 1 - u if inside else 0.0,
        "epanechnikov": 1 - u * u if inside else 0.0,
    }[name]


def weights(name, distances, radius):
    return np.array([[neighbourhood(name, d, radius) for d in line] for line in distances])


def distance(x, m, metric, feature_weight=None):
    """Between a row and a node over the known features, rescaled to all of them."""
    w = np.ones(len(x)) if feature_weight is None else np.asarray(feature_weight, dtype=float)
    known = ~np.isnan(x)
    share = known.sum() / len(x)
    x, m, w = x[known], m[known], w[known]
    if metric == "sqeuclidean":
        return float((w * (x - m) ** 2).sum() / share)
    if metric == "manhattan":
        return float((w * np.abs(x - m)).sum() / share)
    if metric == "chebyshev":
        return float((w * np.abs(x - m)).max())
    return 1.0 - float((w * x * m).sum() / math.sqrt((w * x * x).sum() * (w * m * m).sum()))


def winners(X, codebook, metric="sqeuclidean", feature_weight=None):
    """Nearest and second nearest node of each row; of equal ones the first."""
    table = np.array([[distance(x, m, metric, feature_weight) for m in codebook] for x in X])
    order = np.argsort(table, axis=1, kind="stable")
    return order[:, 0], order[:, 1] if codebook.shape[0] > 1 else order[:, 0], table


def batch_update(X, codebook, h, sample_weight=None, metric="sqeuclidean", feature_weight=None):
    """The batch rule with missing values (SOM Toolbox 2.0, som_batchtrain.m): means over known entries.

    m_j = sum_i h(b_i, j) x_i / sum_i h(b_i, j), for each feature over the rows that know it; a node without
    any weight keeps its place.
    """
    best = winners(X, codebook, metric, feature_weight)[0]
    w = np.ones(len(X)) if sample_weight is None else sample_weight
    new = codebook.copy()
    for j in range(len(codebook)):
        for c in range(X.shape[1]):
            above = below = 0.0
            for i in range(len(X)):
                if not np.isnan(X[i, c]):
                    above += w[i] * h[best[i], j] * X[i, c]
                    below += w[i] * h[best[i], j]
            if below > 0:
                new[j, c] = above / below
    return new


def online_train(X, codebook, order, rates, radii, distances, name, metric="sqeuclidean"):
    """Kohonen's stepwise rule; missing values neither count nor move anything."""
    m = codebook.astype(np.float64).copy()
    for i, rate, radius in zip(order, rates, radii, strict=True):
        best = int(np.argmin([distance(X[i], node, metric) for node in m]))
        known = ~np.isnan(X[i])
        for j in range(len(m)):
            m[j, known] += (
                rate * neighbourhood(name, distances[best, j], radius) * (X[i, known] - m[j, known])
            )
    return m


def topographic_product(codebook, on_map):
    """Bauer and Pawelzik 1992, eq. 10; of equally distant nodes the first."""
    n = len(codebook)
    total = 0.0
    for j in range(n):
        in_data = np.sqrt(((codebook - codebook[j]) ** 2).sum(axis=1))
        others = [i for i in range(n) if i != j]
        by_data = sorted(others, key=lambda i: in_data[i])
        by_map = sorted(others, key=lambda i: on_map[j, i])
        for k in range(1, n):
            log_p = 0.0
            for a, b in zip(by_map[:k], by_data[:k], strict=True):
                log_p += math.log(in_data[a] / in_data[b] * on_map[j, a] / on_map[j, b])
            total += log_p / (2 * k)
    return total / (n * (n - 1))


# What other libraries compute where it differs, as they have it.


def minisom_chebyshev(x, weights):
    """MiniSom's 'chebyshev' (minisom.py, _chebyshev_distance): the largest difference, without its sign.

    A node that is above the row in every feature has a negative distance, so the farthest above wins.
    """
    return np.max(np.subtract(x, weights), axis=-1)


def minisom_gaussian(c, sigma, n_x, n_y):
    """MiniSom's and XPySom's 'gaussian' on a rectangular map: equal to ours."""
    ax = np.exp(-np.square(np.arange(n_x) - c[0]) / (2 * sigma * sigma))
    ay = np.exp(-np.square(np.arange(n_y) - c[1]) / (2 * sigma * sigma))
    return np.outer(ax, ay)


def somoclu_hexagonal_distance(row_a, column_a, row_b, column_b):
    """somoclu's distance on a hexagonal map: the half step of odd rows is lost in an integer division."""
    shift_a, shift_b = column_a + (row_a & 1) // 2, column_b + (row_b & 1) // 2
    return math.hypot(shift_a - shift_b, (row_a - row_b) * math.sqrt(3) / 2)
