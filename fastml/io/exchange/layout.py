"""Foreign trees laid out for the engine: thresholds become codes of planes, or stay numbers.

A plane is a feature seen through at most 254 edges. A feature with more thresholds, or with sets of numbers
that go left, is seen through several planes (`fastml._engine.tree.planes`), so that nothing is rounded: the
trees over codes decide every number as the original does. Trees so large that coding would cost more than
walking them keep their thresholds (`CartForest`).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.forest import Forest
from fastml.io.errors import ModelFileError
from fastml.io.exchange.foreign import MOST_EDGES

__all__ = ["lay_out"]

# Planes of a feature that are tried for one more set: laying out stays linear in the number of sets.
_TRIED = 8
# Planes per feature that is split on, beyond which trees of one threshold a node are walked by value.
MOST_PLANES = 8


class _Planes:
    """Edges of the planes of one feature, and where each condition went."""

    def __init__(self, thresholds):
        self.edges = [
            thresholds[lo : lo + MOST_EDGES] for lo in range(0, max(thresholds.size, 1), MOST_EDGES)
        ]
        # greatest threshold of each plane that has thresholds; edges of sets may join any of them later
        self.tops = np.array([own[-1] if own.size else np.inf for own in self.edges])

    def place(self, edges):
        """Plane that has all these edges, made if there is none."""
        for p in range(len(self.edges) - 1, max(len(self.edges) - 1 - _TRIED, -1), -1):
            both = np.union1d(self.edges[p], edges)
            if both.size <= MOST_EDGES:
                self.edges[p] = both
                return p
        self.edges.append(np.array(edges))
        return len(self.edges) - 1


def lay_out(foreign, baseline):
    """The engine's forest of foreign trees.

    Parameters
    ----------
    foreign : ForeignForest
        Finished.
    baseline : float64 array of shape (n_outputs,)
        What the trees are added to.

    Returns
    -------
    forest : Forest or CartForest
    mapper : BinMapper or None
        Of the planes; None for a CartForest.
    planes : int32 array
        Feature of each plane; the first n_features are the features themselves unless there are far too many.
    """
    if foreign.width > 1:
        if foreign.sets:
            raise ModelFileError("trees with several values a leaf and splits by category cannot be imported")
        return _by_value(foreign)
    plan = _plan(foreign)
    if not foreign.sets and foreign.n_outputs == 1:
        n_planes = sum(len(planes.edges) for planes in plan.values())
        if n_planes > MOST_PLANES * len(plan):
            return _by_value(foreign)
    return _by_code(foreign, baseline, plan)


def _by_value(foreign):
    """Trees that compare values: leaves of one number, or of one number per output."""
    forest = CartForest("squared_error", None, foreign.width)
    arrays = foreign.arrays
    for lo, hi in zip(foreign.offsets[:-1], foreign.offsets[1:], strict=True):
        tree = {name: array[lo:hi] for name, array in arrays.items()}
        count = np.clip(tree["count"], 0, 2**32 - 1).astype(np.int64)
        forest.append(
            {
                "left": tree["left"].astype(np.int32),
                "right": tree["right"].astype(np.int32),
                "feature": tree["feature"].astype(np.int32),
                "threshold": tree["threshold"],
                "missing_left": tree["missing_left"].astype(np.uint8),
                "category_set": np.full(hi - lo, -1, dtype=np.int32),
                "category_sets": np.empty((0, 32), dtype=np.uint8),
                "count": count,
                "weight": np.maximum(tree["weight"], 0.0) if (tree["weight"] > 0).any() else count,
                "value": tree["value"].reshape(hi - lo, -1),
                "impurity": np.zeros(hi - lo),
            }
        )
    return forest, None, np.arange(foreign.n_features, dtype=np.int32)


def _plan(foreign):
    """Planes by feature, for every condition; `foreign.places` tells the plane of each set."""
    arrays = foreign.arrays
    inner = arrays["left"] >= 0
    simple = inner.copy()
    simple[list(foreign.sets)] = False
    plan = {}
    at = np.flatnonzero(simple & np.isfinite(arrays["threshold"]))
    feature, threshold = arrays["feature"][at], arrays["threshold"][at]
    order = np.lexsort((threshold, feature))
    feature, threshold = feature[order], threshold[order]
    bounds = np.flatnonzero(np.diff(feature, prepend=-1, append=-1))
    for lo, hi in pairwise(bounds):
        plan[int(feature[lo])] = _Planes(np.unique(threshold[lo:hi]))
    foreign.places = {}
    placed = {}
    for node, (_, edges) in foreign.sets.items():
        f = int(arrays["feature"][node])
        key = f, edges.tobytes()
        if key not in placed:
            placed[key] = plan.setdefault(f, _Planes(np.empty(0))).place(edges)
        foreign.places[node] = placed[key]
    for f in np.unique(arrays["feature"][inner]).tolist():
        plan.setdefault(f, _Planes(np.empty(0)))
    return plan


def _by_code(foreign, baseline, plan):
    arrays, n_features = foreign.arrays, foreign.n_features
    compact = n_features > 4 * len(plan) + 4096
    used = sorted(plan)
    planes = used or [0] if compact else list(range(n_features))
    first_plane = {f: p for p, f in enumerate(planes)}
    extra = {}
    for f in used:
        extra[f] = len(planes) - 1  # plane k > 0 of the feature is extra[f] + k
        planes += [f] * (len(plan[f].edges) - 1)
    edges = [np.empty(0)] * len(planes)
    for f in used:
        for k, own in enumerate(plan[f].edges):
            edges[extra[f] + k if k else first_plane[f]] = own
    mapper = _mapper(edges)

    n_nodes = arrays["left"].size
    inner = arrays["left"] >= 0
    plane, code = np.full(n_nodes, -1, dtype=np.int64), np.zeros(n_nodes, dtype=np.int64)
    category_set = np.full(n_nodes, -1, dtype=np.int32)
    threshold = np.where(inner, arrays["threshold"], np.nan)
    missing_left = arrays["missing_left"] & inner
    sets = []
    simple = inner.copy()
    simple[list(foreign.sets)] = False
    at = np.flatnonzero(simple)
    at = at[np.argsort(arrays["feature"][at], kind="stable")]
    starts = np.searchsorted(arrays["feature"][at], used)
    stops = np.searchsorted(arrays["feature"][at], used, side="right")
    for f, lo, hi in zip(used, starts, stops, strict=True):
        nodes = at[lo:hi]
        chunks = plan[f].edges
        which = np.minimum(np.searchsorted(plan[f].tops, threshold[nodes]), plan[f].tops.size - 1)
        for k in np.unique(which):
            own = nodes[which == k]
            plane[own] = extra[f] + k if k else first_plane[f]
            code[own] = np.searchsorted(chunks[k], threshold[own]) + 1
            code[own] = np.where(threshold[own] == np.inf, chunks[k].size + 1, code[own])
    known_sets = {}
    # no finite number is below -inf: a set without any
    nothing = np.flatnonzero(simple & (threshold == -np.inf))
    chosen = dict.fromkeys(nothing.tolist(), (False, np.empty(0), 0))
    chosen |= {node: (*condition, foreign.places[node]) for node, condition in foreign.sets.items()}
    for node, (goes_left, changes, k) in chosen.items():
        f = int(arrays["feature"][node])
        plane[node] = extra[f] + k if k else first_plane[f]
        flips = np.isin(plan[f].edges[k], changes)
        left = np.logical_xor(goes_left, np.append(False, np.cumsum(flips) % 2 == 1))
        bits = np.zeros(256, dtype=np.uint8)
        bits[0] = missing_left[node]
        bits[1 : 1 + left.size] = left
        row = np.packbits(bits, bitorder="little")
        category_set[node] = known_sets.setdefault(row.tobytes(), len(sets))
        if category_set[node] == len(sets):
            sets.append(row)
        threshold[node], code[node] = np.nan, 0
    forest = Forest.from_arrays(
        {
            "tree_offsets": foreign.offsets,
            "tree_output": foreign.output.astype(np.int32),
            "baseline": baseline,
            "left": arrays["left"].astype(np.int32),
            "right": arrays["right"].astype(np.int32),
            "feature": plane.astype(np.int32),
            "code": code.astype(np.uint8),
            "threshold": threshold,
            "missing_left": missing_left.astype(np.uint8),
            "category_set": category_set,
            "category_sets": np.array(sets, dtype=np.uint8).reshape(-1, 32),
            "value": arrays["value"],
            "gain": arrays["gain"],
            "weight": np.maximum(arrays["weight"], 0.0),
            "count": np.maximum(arrays["count"], 0).astype(np.int64),
        },
        mapper.n_codes_,
    )
    return forest, mapper, np.array(planes, dtype=np.int32)


def _mapper(edges):
    """BinMapper of planes with these edges."""
    none = np.zeros(len(edges) + 1, dtype=np.int64)
    return BinMapper.from_state(
        {
            "max_bins": np.array(255, dtype=np.int64),
            "is_categorical": np.zeros(len(edges), dtype=np.uint8),
            "n_codes": np.array([2 + own.size for own in edges], dtype=np.uint16),
            "edges": np.concatenate(edges),
            "edges_offsets": np.cumsum([0] + [own.size for own in edges], dtype=np.int64),
            "categories": np.empty(0),
            "categories_offsets": none,
            "grouped": np.empty(0),
            "grouped_offsets": none,
        }
    )
