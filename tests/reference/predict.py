"""Prediction, one row and one node at a time, from the definition; and random forests to try it on."""

import numpy as np


def goes_left(arrays, node, code):
    """Whether a row with this code goes left at a node (index in the arrays of the whole forest)."""
    category_set = arrays["category_set"][node]
    if category_set >= 0:
        return bool(arrays["category_sets"][category_set, code >> 3] >> (code & 7) & 1)
    if code == 0:
        return bool(arrays["missing_left"][node])
    return code <= arrays["code"][node]


def leaf_of(arrays, tree, codes):
    """Number, inside its tree, of the leaf that a row of codes falls into."""
    first = arrays["tree_offsets"][tree]
    node = 0
    while arrays["left"][first + node] >= 0:
        at = first + node
        side = "left" if goes_left(arrays, at, int(codes[arrays["feature"][at]])) else "right"
        node = arrays[side][at]
    return node


def apply(arrays, codes):
    """int32 (n_rows, n_trees)."""
    n_trees = len(arrays["tree_output"])
    leaves = [[leaf_of(arrays, tree, row) for tree in range(n_trees)] for row in codes]
    return np.array(leaves, dtype=np.int32).reshape(len(codes), n_trees)


def predict_raw(arrays, codes, n_trees=None):
    """float64 (n_rows, n_outputs): baseline, then the trees in their order."""
    n_trees = len(arrays["tree_output"]) if n_trees is None else n_trees
    raw = np.tile(arrays["baseline"], (len(codes), 1))
    for row, leaves in enumerate(apply(arrays, codes)):
        for tree in range(n_trees):
            raw[row, arrays["tree_output"][tree]] += arrays["value"][
                arrays["tree_offsets"][tree] + leaves[tree]
            ]
    return raw


def random_tree(rng, n_codes, is_categorical, n_leaves, shape="random", set_runs=None):
    """A valid tree with random splits.

    Parameters
    ----------
    rng : numpy Generator
    n_codes, is_categorical : arrays of shape (n_features,)
    n_leaves : int
        1 gives a tree that is only a leaf.
    shape : {"random", "chain", "balanced"}
        Which leaf is split next: any, the last made (a chain with leaves on either side), the oldest.
    set_runs : int, optional
        When given, category sets are this many runs of codes; otherwise each code is drawn for itself.

    Returns
    -------
    dict of str to ndarray
        What `Forest.append` takes.
    """
    left, right, feature, code, missing_left, category_set = [-1], [-1], [-1], [0], [0], [-1]
    sets = []
    leaves = [0]
    while len(leaves) < n_leaves:
        pick = {"random": int(rng.integers(len(leaves))), "chain": -1 - int(rng.integers(2)), "balanced": 0}[
            shape
        ]
        node = leaves.pop(pick if len(leaves) > 1 else 0)
        f = int(rng.integers(len(n_codes)))
        feature[node] = f
        missing_left[node] = int(rng.integers(2))
        if is_categorical[f]:
            category_set[node] = len(sets)
            if set_runs is None:
                bits = rng.random(256) < rng.random()
            else:
                edges = np.sort(rng.choice(np.arange(1, 256), size=set_runs - 1, replace=False))
                bits = (np.searchsorted(edges, np.arange(256), side="right") + rng.integers(2)) % 2 == 1
            bits[n_codes[f] :] = False
            sets.append(np.packbits(bits, bitorder="little"))
            missing_left[node] = bits[0]
        else:
            code[node] = int(rng.integers(1 - missing_left[node], n_codes[f]))
        for side in (left, right):
            side[node] = len(left)
            leaves.append(len(left))
            for field, empty in zip(
                (left, right, feature, code, missing_left, category_set), (-1, -1, -1, 0, 0, -1), strict=True
            ):
                field.append(empty)
    n = len(left)
    inner = np.array(left) >= 0
    numeric = inner & (np.array(category_set) < 0)
    return {
        "left": np.array(left, dtype=np.int32),
        "right": np.array(right, dtype=np.int32),
        "feature": np.array(feature, dtype=np.int32),
        "code": np.array(code, dtype=np.uint8),
        "threshold": np.where(numeric, rng.normal(size=n), np.nan),
        "missing_left": np.array(missing_left, dtype=np.uint8),
        "category_set": np.array(category_set, dtype=np.int32),
        "value": rng.normal(size=n),
        "gain": np.where(inner, rng.random(n), 0.0),
        "count": np.zeros(n, dtype=np.int64),
        "weight": rng.random(n),
        "category_sets": np.array(sets, dtype=np.uint8).reshape(-1, 32),
    }
