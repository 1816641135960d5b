"""The slow, obvious binning: sets of Python numbers, one value after the other."""

import math
from fractions import Fraction

import numpy as np

MAX_CATEGORIES = 254


def columns(X):
    """The columns of an array or list of columns as lists of Python floats."""
    if isinstance(X, np.ndarray):
        X = X.T
    return [[float(v) for v in column] for column in X]


def midpoint(a, b):
    """A finite float e with a <= e < b, or None."""
    largest = np.finfo(np.float64).max
    if a == -math.inf:
        middle = 0.0 if b == math.inf else -largest
    elif b == math.inf:
        middle = largest
    else:
        middle = float((Fraction(a) + Fraction(b)) / 2)
    if a <= middle < b:
        return float(middle)
    return a if math.isfinite(a) else None


def distinct(values, weights=None):
    """Ascending distinct values and the sums of their weights; NaN and rows without weight left out."""
    sums = {}
    for i, v in enumerate(values):
        w = 1 if weights is None else weights[i]
        if v == v and w > 0:
            sums[v + 0.0] = sums.get(v + 0.0, 0) + w
    return sorted(sums), [sums[v] for v in sorted(sums)]


def edges(values, weights, max_bins):
    """Edges between at most max_bins bins of distinct values (the rule is told in src_c/tree/quantile.c)."""
    n = len(values)
    if n <= max_bins:
        cuts = range(1, n)
    else:
        cuts = _cuts([float(w) for w in weights], max_bins)
    found = [midpoint(values[i - 1], values[i]) for i in cuts]
    return [e for e in found if e is not None]


def _cuts(weights, max_bins):
    """Indices of the values that begin a bin, the first bin excepted."""
    heavy = set()
    while True:
        light = [i for i in range(len(weights)) if i not in heavy]
        mean = sum(weights[i] for i in light) / (max_bins - len(heavy))
        heavier = {i for i in range(len(weights)) if weights[i] >= mean} | heavy
        if heavier == heavy or len(heavier) >= max_bins:
            break
        heavy = heavier
    runs = _runs(heavy, len(weights))
    bins, cuts = max_bins - len(heavy), []
    left = sum(weights[i] for i in light)
    for k, run in enumerate(runs):
        if bins and run[0] > 0:
            cuts.append(run[0])
        bins = max(bins - 1, 0)
        filled, target = 0.0, left / (bins + 1)
        for i in run:
            few = sum(map(len, runs[k:])) - run.index(i) <= bins
            spare = bins > len(runs) - k - 1
            if i > run[0] and spare and (few or filled + 0.5 * weights[i] > target):
                cuts.append(i)
                left, bins, filled = left - filled, bins - 1, 0.0
                target = left / (bins + 1)
            filled += weights[i]
        left -= filled
    return sorted(cuts + [i for i in heavy if i > 0])


def _runs(heavy, n):
    """Stretches of neighbouring values that are not heavy."""
    runs = []
    for i in range(n):
        if i in heavy:
            continue
        if i > 0 and i - 1 not in heavy and runs:
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def categories(values, weights=None):
    """(kept, grouped) categories, both ascending. Negative and infinite values are missing."""
    found, sums = distinct([v if 0 <= v < math.inf else math.nan for v in values], weights)
    if len(found) <= MAX_CATEGORIES:
        return found, []
    order = sorted(range(len(found)), key=lambda i: (-sums[i], found[i]))
    kept, rest = order[: MAX_CATEGORIES - 1], order[MAX_CATEGORIES - 1 :]
    return sorted(found[i] for i in kept), sorted(found[i] for i in rest)


def code_numerical(x, feature_edges, n_codes):
    """0 for missing values, and for all values of a feature that was all missing."""
    if x != x or n_codes == 1:
        return 0
    return 1 + sum(e < x for e in feature_edges)


def code_categorical(x, kept, grouped):
    """0 for missing and unknown values."""
    if x in kept:
        return 1 + kept.index(x)
    return 1 + len(kept) if x in grouped else 0


def bin_table(X, max_bins=255, categorical=None, sample_weight=None):
    """(codes, edges, n_codes) of a small table, all rows looked at; edges None for categorical features."""
    codes, all_edges, n_codes = [], [], []
    for f, values in enumerate(columns(X)):
        if categorical is not None and categorical[f]:
            kept, grouped = categories(values, sample_weight)
            all_edges.append(None)
            n_codes.append(1 + len(kept) + bool(grouped))
            codes.append([code_categorical(x, kept, grouped) for x in values])
        else:
            found, sums = distinct(values, sample_weight)
            all_edges.append(edges(found, sums, max_bins))
            n_codes.append(len(all_edges[-1]) + 2 if found else 1)
            codes.append([code_numerical(x, all_edges[-1], n_codes[-1]) for x in values])
    return np.array(codes, dtype=np.uint8).T, all_edges, n_codes
