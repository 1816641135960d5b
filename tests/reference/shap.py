"""SHAP values of a tree by their definitions, slowly: in rational numbers, or by Lundberg's recursion.

A tree is a dict of lists by node, children after parents: ``left``, ``right`` (-1 in a leaf), ``feature``,
``cover`` (of all nodes) and ``value``. A row is the list of what it decides at each node: True goes left.
"""

from fractions import Fraction
from itertools import combinations
from math import factorial

import numpy as np

__all__ = [
    "against_background",
    "against_background_by_leaves",
    "by_paths",
    "by_subsets",
    "interactions_by_paths",
    "interactions_by_subsets",
    "known_value",
    "lundberg",
]


def known_value(tree, decisions, known, node=0):
    """Mean value over training rows of a row of which the features in `known` are known (path-dependent)."""
    left, right = tree["left"][node], tree["right"][node]
    if left < 0:
        return Fraction(tree["value"][node])
    if tree["feature"][node] in known:
        return known_value(tree, decisions, known, left if decisions[node] else right)
    return sum(
        _share(tree, node, child, Fraction) * known_value(tree, decisions, known, child)
        for child in (left, right)
    )


def _share(tree, node, child, number):
    """Of the rows that came to a node; a half where none did."""
    total = number(int(tree["cover"][node]))
    return number(int(tree["cover"][child])) / total if total else number(1) / number(2)


def _features(tree):
    return sorted({f for f, left in zip(tree["feature"], tree["left"], strict=True) if left >= 0})


def by_subsets(tree, decisions):
    """SHAP value of each feature by Shapley's formula over all subsets: dict of Fraction."""
    features = _features(tree)
    m = len(features)
    values = {}
    for f in features:
        others = [g for g in features if g != f]
        values[f] = sum(
            Fraction(factorial(size) * factorial(m - size - 1), factorial(m))
            * (known_value(tree, decisions, {*chosen, f}) - known_value(tree, decisions, set(chosen)))
            for size in range(m)
            for chosen in combinations(others, size)
        )
    return values


def _mixed_value(tree, decisions, other, known):
    """Value of the row whose features in `known` are those of one row, and the rest those of another."""
    node = 0
    while tree["left"][node] >= 0:
        chosen = decisions if tree["feature"][node] in known else other
        node = tree["left"][node] if chosen[node] else tree["right"][node]
    return Fraction(tree["value"][node])


def against_background(tree, decisions, background):
    """Interventional SHAP value of each feature by Shapley's formula: dict of Fraction.

    `background` is a list of the decisions of its rows.
    """
    features = _features(tree)
    m = len(features)

    def mean(known):
        return sum(_mixed_value(tree, decisions, other, known) for other in background) / len(background)

    values = {}
    for f in features:
        others = [g for g in features if g != f]
        values[f] = sum(
            Fraction(factorial(size) * factorial(m - size - 1), factorial(m))
            * (mean({*chosen, f}) - mean(set(chosen)))
            for size in range(m)
            for chosen in combinations(others, size)
        )
    return values


def against_background_by_leaves(tree, decisions, background):
    """What `against_background` gives, leaf by leaf and pair by pair (Lundberg et al. 2020, algorithm 3)."""
    values = dict.fromkeys(_features(tree), Fraction(0))
    for other in background:
        theirs = list(_paths(tree, other, Fraction))
        for (value, path), (_, their_path) in zip(_paths(tree, decisions, Fraction), theirs, strict=True):
            own = [f for f in path if path[f][0] and not their_path[f][0]]
            their = [f for f in path if their_path[f][0] and not path[f][0]]
            if len(own) + len(their) + sum(path[f][0] and their_path[f][0] for f in path) < len(path):
                continue  # a feature lets neither of the two pass
            a, b = len(own), len(their)
            for f in own:
                values[f] += value * Fraction(factorial(a - 1) * factorial(b), factorial(a + b))
            for f in their:
                values[f] -= value * Fraction(factorial(a) * factorial(b - 1), factorial(a + b))
    return {f: value / len(background) for f, value in values.items()}


def interactions_by_subsets(tree, decisions):
    """Half the Shapley interaction index of each pair f < g (Lundberg et al. 2020, eq. 8): a dict."""
    features = _features(tree)
    m = len(features)
    values = {}
    for f, g in combinations(features, 2):
        others = [h for h in features if h not in (f, g)]
        total = Fraction(0)
        for size in range(m - 1):
            weight = Fraction(factorial(size) * factorial(m - size - 2), 2 * factorial(m - 1))
            for chosen in combinations(others, size):
                of = [known_value(tree, decisions, {*chosen, *more}) for more in ((f, g), (f,), (g,), ())]
                total += weight * (of[0] - of[1] - of[2] + of[3])
        values[f, g] = total
    return values


def _paths(tree, decisions, number):
    """Of each leaf: its value, and by feature of its path (passed, share)."""
    stack = [(0, {})]
    while stack:
        node, path = stack.pop()
        children = tree["left"][node], tree["right"][node]
        if children[0] < 0:
            yield number(tree["value"][node]), path
            continue
        for child, passes in zip(children, (decisions[node], not decisions[node]), strict=True):
            passed, share = path.get(tree["feature"][node], (True, number(1)))
            share = share * _share(tree, node, child, number)
            stack.append((child, {**path, tree["feature"][node]: (passed and passes, share)}))


def _times(coefficients, factor):
    """A polynomial times r + t (o - r); coefficients are lowest first."""
    passed, share = factor
    slope = int(passed) - share
    below = [share * 0, *coefficients]
    return [share * c + slope * b for c, b in zip([*coefficients, share * 0], below, strict=True)]


def _without(coefficients, factor):
    """A polynomial divided by one of its factors, from the end where the factor is large."""
    passed, share = factor
    slope = int(passed) - share
    quotient = [share * 0] * (len(coefficients) - 1)
    if abs(share) >= abs(slope):
        rest = share * 0
        for i in range(len(quotient)):
            quotient[i] = rest = (coefficients[i] - slope * rest) / share
    else:
        rest = share * 0
        for i in range(len(quotient) - 1, -1, -1):
            quotient[i] = rest = (coefficients[i + 1] - share * rest) / slope
    return quotient


def _integral(coefficients):
    return sum(c / (i + 1) for i, c in enumerate(coefficients))


def by_paths(tree, decisions, number=Fraction):
    """SHAP value of each feature as integrals of polynomials, leaf by leaf: dict; for larger trees.

    `number` may be `decimal.Decimal` for long paths, in a context of some hundred digits.
    """
    values = dict.fromkeys(_features(tree), number(0))
    for value, path in _paths(tree, decisions, number):
        if (False, 0) in path.values():  # no row comes here
            continue
        product = [number(1)]
        for factor in path.values():
            product = _times(product, factor)
        for f, (passed, share) in path.items():
            rest = _integral(_without(product, path[f]))
            values[f] += value * (int(passed) - share) * rest
    return values


def interactions_by_paths(tree, decisions, number=Fraction):
    """What `interactions_by_subsets` gives, as integrals."""
    features = _features(tree)
    values = {pair: number(0) for pair in combinations(features, 2)}
    for value, path in _paths(tree, decisions, number):
        if (False, 0) in path.values():
            continue
        product = [number(1)]
        for factor in path.values():
            product = _times(product, factor)
        for f, g in combinations(sorted(path), 2):
            rest = _integral(_without(_without(product, path[f]), path[g]))
            both = (int(path[f][0]) - path[f][1]) * (int(path[g][0]) - path[g][1])
            values[f, g] += value * both * rest / 2
    return values


def lundberg(tree, decisions, number=np.float64):
    """SHAP value of each feature by Algorithm 2 of Lundberg et al. (2020): dict of `number`.

    Loses its digits on long paths, which is why it is not what the library does.
    """
    values = dict.fromkeys(_features(tree), number(0))

    def extend(path, zero, one, feature):
        path = [list(entry) for entry in path]
        n = len(path)
        path.append([feature, zero, one, number(n == 0)])
        for i in range(n - 1, -1, -1):
            path[i + 1][3] += one * path[i][3] * number(i + 1) / number(n + 1)
            path[i][3] = zero * path[i][3] * number(n - i) / number(n + 1)
        return path

    def unwind(path, i):
        path = [list(entry) for entry in path]
        last, (_, zero, one, _) = len(path) - 1, path[i]
        carry = path[last][3]
        for j in range(last - 1, -1, -1):
            if one != 0:
                before = path[j][3]
                path[j][3] = carry * number(last + 1) / (number(j + 1) * one)
                carry = before - path[j][3] * zero * number(last - j) / number(last + 1)
            else:
                path[j][3] = path[j][3] * number(last + 1) / (zero * number(last - j))
        for j in range(i, last):
            path[j][:3] = path[j + 1][:3]
        return path[:-1]

    def visit(node, path, zero, one, feature):
        path = extend(path, zero, one, feature)
        left, right = tree["left"][node], tree["right"][node]
        if left < 0:
            for i in range(1, len(path)):
                weight = sum(entry[3] for entry in unwind(path, i))
                values[path[i][0]] += weight * (path[i][2] - path[i][1]) * number(tree["value"][node])
            return
        hot, cold = (left, right) if decisions[node] else (right, left)
        before_zero = before_one = number(1)
        known = [i for i in range(1, len(path)) if path[i][0] == tree["feature"][node]]
        if known:
            before_zero, before_one = path[known[0]][1], path[known[0]][2]
            path = unwind(path, known[0])
        for child, follows in ((hot, before_one), (cold, number(0))):
            share = number(tree["cover"][child]) / number(tree["cover"][node])
            visit(child, path, before_zero * share, follows, tree["feature"][node])

    visit(0, [], number(1), number(1), -1)
    return values
