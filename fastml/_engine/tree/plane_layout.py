"""Trees that compare numbers as trees over codes of a byte, deciding every number the same.

A plane is a feature seen through at most 254 edges. A feature with more thresholds, or with sets of numbers
that go left, is seen through several planes (planes.pyx), so that nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from .binning import BinMapper
from .forest import Forest

__all__ = ["MOST_EDGES", "PlaneLayout"]

MOST_EDGES = 254
"""Numbers between which a condition may change: those of a plane."""
# Planes of a feature that are tried for one more set: laying out stays linear in the number of sets.
_TRIED = 8


class _Planes:
    """Edges of the planes of one feature, and where each condition went."""

    def __init__(self, thresholds: np.ndarray) -> None:
        self.edges = [
            thresholds[lo : lo + MOST_EDGES] for lo in range(0, max(thresholds.size, 1), MOST_EDGES)
        ]
        # greatest threshold of each plane that has thresholds; edges of sets may join any of them later
        self.tops = np.array([own[-1] if own.size else np.inf for own in self.edges])

    def place(self, edges: np.ndarray) -> int:
        """Plane that has all these edges, made if there is none."""
        for p in range(len(self.edges) - 1, max(len(self.edges) - 1 - _TRIED, -1), -1):
            both = np.union1d(self.edges[p], edges)
            if both.size <= MOST_EDGES:
                self.edges[p] = both
                return p
        self.edges.append(np.array(edges))
        return len(self.edges) - 1


class PlaneLayout:
    """Planes for the conditions of some trees.

    Parameters
    ----------
    arrays : dict of arrays by node of all trees
        ``left``, ``right`` (int, inside the tree, -1 in a leaf), ``feature``, ``threshold`` (x <= threshold
        goes left), ``missing_left`` (bool).
    sets : dict of int to (bool, float64 array)
        By node: conditions that are not one threshold; the answer for the least numbers, and the edges beyond
        which it changes, at most `MOST_EDGES`.
    n_features : int

    Attributes
    ----------
    n_used : int
        Features that are split on.
    n_planes : int
        Planes that these need.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        sets: Mapping[int, tuple[bool, np.ndarray]],
        n_features: int,
    ) -> None:
        self._arrays, self._sets, self._n_features = arrays, sets, n_features
        inner = arrays["left"] >= 0
        simple = inner.copy()
        simple[list(sets)] = False
        plan: dict[int, _Planes] = {}
        at = np.flatnonzero(simple & np.isfinite(arrays["threshold"]))
        feature, threshold = arrays["feature"][at], arrays["threshold"][at]
        order = np.lexsort((threshold, feature))
        feature, threshold = feature[order], threshold[order]
        bounds = np.flatnonzero(np.diff(feature, prepend=-1, append=-1))
        for lo, hi in pairwise(bounds):
            plan[int(feature[lo])] = _Planes(np.unique(threshold[lo:hi]))
        self._place_of_set: dict[int, int] = {}
        placed: dict[tuple[int, bytes], int] = {}
        for node, (_, edges) in sets.items():
            f = int(arrays["feature"][node])
            key = f, edges.tobytes()
            if key not in placed:
                placed[key] = plan.setdefault(f, _Planes(np.empty(0))).place(edges)
            self._place_of_set[node] = placed[key]
        for f in np.unique(arrays["feature"][inner]).tolist():
            plan.setdefault(f, _Planes(np.empty(0)))
        self._plan = plan
        self.n_used = len(plan)
        self.n_planes = sum(len(planes.edges) for planes in plan.values())

    def forest(
        self, offsets: np.ndarray, output: np.ndarray, baseline: np.ndarray, told: Mapping[str, np.ndarray]
    ) -> tuple[Forest, BinMapper, np.ndarray]:
        """The trees over codes.

        Parameters
        ----------
        offsets : int64 array of shape (n_trees + 1,)
        output : int array of shape (n_trees,)
        baseline : float64 array of shape (n_outputs,)
        told : dict of arrays by node
            ``value``, ``gain``, ``weight``, ``count``.

        Returns
        -------
        forest : Forest
        mapper : BinMapper
            Of the planes.
        planes : int32 array
            Feature of each plane; the first n_features are the features themselves unless there are far too
            many.
        """
        arrays, plan = self._arrays, self._plan
        compact = self._n_features > 4 * len(plan) + 4096
        used = sorted(plan)
        planes = used or [0] if compact else list(range(self._n_features))
        first_plane = {f: p for p, f in enumerate(planes)}
        extra: dict[int, int] = {}
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
        sets: list[np.ndarray] = []
        simple = inner.copy()
        simple[list(self._sets)] = False
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
        known_sets: dict[bytes, int] = {}
        # no finite number is below -inf: a set without any
        nothing = np.flatnonzero(simple & (threshold == -np.inf))
        chosen: dict[int, Any] = dict.fromkeys(nothing.tolist(), (False, np.empty(0), 0))
        chosen |= {node: (*condition, self._place_of_set[node]) for node, condition in self._sets.items()}
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
                "tree_offsets": offsets,
                "tree_output": output.astype(np.int32),
                "baseline": baseline,
                "left": arrays["left"].astype(np.int32),
                "right": arrays["right"].astype(np.int32),
                "feature": plane.astype(np.int32),
                "code": code.astype(np.uint8),
                "threshold": threshold,
                "missing_left": missing_left.astype(np.uint8),
                "category_set": category_set,
                "category_sets": np.array(sets, dtype=np.uint8).reshape(-1, 32),
                "value": told["value"],
                "gain": told["gain"],
                "weight": np.maximum(told["weight"], 0.0),
                "count": np.maximum(told["count"], 0).astype(np.int64),
            },
            mapper.n_codes_,
        )
        return forest, mapper, np.array(planes, dtype=np.int32)


def _mapper(edges: list[np.ndarray]) -> BinMapper:
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
