"""The slow, obvious growth of one tree: best leaf first, every split tried by counting rows.

Nothing is shared with the engine but the definitions: codes (0 is missing), the gain
G_L^2 / (H_L + l2) + G_R^2 / (H_R + l2) - G^2 / (H + l2), and the order of ties (feature, code, missing right
first).
"""

import numpy as np


def pair_score(gl, hl, gr, hr, l2):
    a, b = hl + l2, hr + l2
    return ((gl * gl) * b + (gr * gr) * a) / (a * b)


def candidates(codes, n_codes, rows, g, h, *, min_samples_leaf, min_sum_hessian, l2, features=None):
    """Every lawful split of the node as (gain, feature, code, missing_left), in the order of ties."""
    total_g, total_h = g[rows].sum(), h[rows].sum()
    parent = total_g * total_g / (total_h + l2)
    for feature in range(codes.shape[1]) if features is None else features:
        x = codes[rows, feature]
        missing = x == 0
        for code in range(1, int(n_codes[feature])):
            for missing_left in (False, True) if missing.any() else (False,):
                left = (x <= code) & ((x > 0) | missing_left)
                n_left = left.sum()
                if missing_left and n_left == missing.sum():
                    continue  # the missing alone: the last code with the missing on the right says the same
                gl, hl = g[rows][left].sum(), h[rows][left].sum()
                gr, hr = total_g - gl, total_h - hl
                if min(n_left, len(rows) - n_left) < min_samples_leaf:
                    continue
                if min(hl, hr) < max(min_sum_hessian, 1e-300):
                    continue
                gain = pair_score(gl, hl, gr, hr, l2) - parent
                if gain > 1e-12 * parent:
                    yield gain, feature, code, missing_left


def best_split(*args, **options):
    """The candidate with the largest gain, the first one among equals; None when there is none."""
    best = None
    for candidate in candidates(*args, **options):
        if best is None or candidate[0] > best[0]:
            best = candidate
    return best


def grow(codes, n_codes, g, h, *, max_leaf_nodes=31, max_depth=None, rows=None, **limits):
    """A tree as a list of dicts (left, right, feature, code, missing_left, count, gain, value)."""
    rows = np.arange(len(codes)) if rows is None else np.asarray(rows)
    l2 = limits["l2"]
    g, h = np.asarray(g, dtype=np.float64), np.asarray(h, dtype=np.float64)

    def node(rows, depth):
        value = -g[rows].sum() / (h[rows].sum() + l2)
        split = None
        if max_depth is None or depth < max_depth:
            split = best_split(codes, n_codes, rows, g, h, **limits)
        leaf = {"left": -1, "right": -1, "feature": -1, "rows": rows, "depth": depth}
        return {**leaf, "value": value, "split": split}

    nodes = [node(rows, 0)]
    n_leaves = 1
    while max_leaf_nodes is None or n_leaves < max_leaf_nodes:
        open_nodes = [i for i, one in enumerate(nodes) if one["left"] < 0 and one["split"] is not None]
        if not open_nodes:
            break
        i = max(open_nodes, key=lambda i: (nodes[i]["split"][0], -i))
        one = nodes[i]
        _, feature, code, missing_left = one["split"]
        x = codes[one["rows"], feature]
        left = (x <= code) & ((x > 0) | missing_left)
        if not (x == 0).any():
            # the greater part: of the rows, or of the hessian where other nodes have missing rows
            part = h[one["rows"]] if (codes[:, feature] == 0).any() else np.ones(len(x))
            missing_left = 2 * part[left].sum() > part.sum()
        one.update(left=len(nodes), right=len(nodes) + 1)
        one.update(feature=feature, code=code, missing_left=missing_left)
        nodes.append(node(one["rows"][left], one["depth"] + 1))
        nodes.append(node(one["rows"][~left], one["depth"] + 1))
        n_leaves += 1
    return nodes
