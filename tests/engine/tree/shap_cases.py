"""Random trees and rows for the tests of SHAP values."""

import numpy as np

from fastml._engine.tree.binning import BinMapper


def random_tree(rng, n_inner, n_features, n_codes=16, empty=0.0):
    """Arrays of a tree of random shape; every third feature is categorical."""
    left, right, feature, count = [-1], [-1], [-1], [0]
    leaves = [0]
    for _ in range(n_inner):
        node = leaves.pop(rng.integers(len(leaves)))
        left[node], right[node] = len(left), len(left) + 1
        feature[node] = int(rng.integers(n_features))
        leaves += [left[node], right[node]]
        for column in (left, right, feature):
            column += [-1, -1]
        count += [0, 0]
    for leaf in leaves:
        count[leaf] = 0 if rng.random() < empty else int(rng.integers(1, 50))
    for node in range(len(left) - 1, -1, -1):
        if left[node] >= 0:
            count[node] = count[left[node]] + count[right[node]]
    return tree_of(rng, left, right, feature, count, n_codes)


def tree_of(rng, left, right, feature, count, n_codes):
    """A tree with random splits and values for these nodes."""
    left, feature = np.array(left), np.array(feature)
    n, inner = left.size, left >= 0
    is_set = inner & (feature % 3 == 2)
    return {
        "left": left,
        "right": np.array(right),
        "feature": feature,
        "code": np.where(inner, rng.integers(1, n_codes - 1, n), 0),
        "threshold": np.where(inner & ~is_set, 0.0, np.nan),
        "missing_left": np.where(inner, rng.integers(0, 2, n), 0),
        "category_set": np.where(is_set, np.cumsum(is_set) - 1, -1),
        "value": np.where(inner, 0.0, rng.standard_normal(n)),
        "gain": np.zeros(n),
        "weight": np.array(count, dtype=np.float64),
        "count": np.array(count),
        "category_sets": rng.integers(0, 256, (int(is_set.sum()), 32)).astype(np.uint8),
    }


def mapper_of(n_features, n_codes=16):
    """Bins 1 to n_codes - 1 for the integers 0 to n_codes - 2; every third feature is categorical."""
    values = np.tile(np.arange(n_codes - 1.0)[:, None], n_features)
    return BinMapper(categorical=np.arange(n_features) % 3 == 2).fit(values)


def random_rows(rng, n_rows, n_features, n_codes=16):
    X = rng.integers(0, n_codes - 1, (n_rows, n_features)).astype(np.float64)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X


def as_reference(tree):
    """The tree as the reference takes it."""
    cover = [int(c) for c in tree["count"]]
    names = ("left", "right", "feature")
    return {
        **{name: tree[name].tolist() for name in names},
        "value": tree["value"].tolist(),
        "cover": cover,
    }


def decisions(tree, codes):
    """Whether a row of these codes goes left, for each node."""
    found = []
    for i, f in enumerate(tree["feature"]):
        c = int(codes[f])
        if f < 0:
            found.append(False)
        elif tree["category_set"][i] >= 0:
            found.append(bool(tree["category_sets"][tree["category_set"][i], c >> 3] >> (c & 7) & 1))
        else:
            found.append(bool(tree["missing_left"][i]) if c == 0 else c <= tree["code"][i])
    return found


def decisions_of(tree, node, code):
    """Whether a row of this code goes left at one node."""
    if tree["category_set"][node] >= 0:
        return bool(tree["category_sets"][tree["category_set"][node], code >> 3] >> (code & 7) & 1)
    return bool(tree["missing_left"][node]) if code == 0 else code <= tree["code"][node]


def chain(rng, n_features, count_of_way, repeats=1):
    """One long path: each split sends count_of_way[i] rows off to a leaf and the others on."""
    n = n_features * repeats
    left, right, feature, count = [], [], [], []
    rest = sum(count_of_way) + 1
    for i in range(n):
        off = count_of_way[i]
        goes_left = bool(rng.integers(2))
        first, second = 2 * i + 1, 2 * i + 2
        left.append(first)
        right.append(second)
        feature.append(i % n_features)
        if i == 0:
            count.append(rest)
        rest -= off
        # the path goes on in node 2 i + 2, whichever side that is
        if goes_left:
            left[-1], right[-1] = second, first
        count += [off, rest]
    order_left, order_right, order_feature = [], [], []
    for i in range(n):
        order_left += [left[i], -1] if i else [left[i]]
        order_right += [right[i], -1] if i else [right[i]]
        order_feature += [feature[i], -1] if i else [feature[i]]
    # node 2 i is the i-th of the path, node 2 i - 1 the leaf beside it
    n_nodes = 2 * n + 1
    nodes_left, nodes_right, nodes_feature = np.full(n_nodes, -1), np.full(n_nodes, -1), np.full(n_nodes, -1)
    for i in range(n):
        nodes_left[2 * i], nodes_right[2 * i], nodes_feature[2 * i] = left[i], right[i], feature[i]
    return tree_of(rng, nodes_left, nodes_right, nodes_feature, count, 16)
