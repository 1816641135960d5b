"""Write the trees of a model as text for people, as JSON for programs, or as DOT for Graphviz.

The formats are for reading only; `fastml.io.save` writes the file that can be loaded again.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fastml.io.described import describe_forest

__all__ = ["FeatureLabels", "dump_dot", "dump_json", "dump_text", "missing_side", "value_text"]

DUMP_VERSION = 1
# Categories named in one line of text; JSON always has them all.
SHOWN_CATEGORIES = 12


def dump_text(
    model: Any,
    *,
    feature_names: Sequence[str] | None = None,
    categories: Sequence[Any] | None = None,
    output_names: Sequence[Any] | None = None,
    trees: Iterable[int] | None = None,
    precision: int = 6,
) -> str:
    """Indented text of the trees.

    Parameters
    ----------
    model : fitted tree, forest, AdaBoost of trees or gradient boosting, TreeModel, or Forest
        An estimator knows the names that follow; a bare forest does not.
    feature_names : sequence of str, optional
        Names by feature index; ``x0``, ``x1``, ... if the model was fitted without names.
    categories : sequence, optional
        By feature index: None for a numerical feature, else the categories in the order of their codes (an
        entry that is a list, tuple or array stands for several categories that share a code).
    output_names : sequence, optional
        Names of the outputs (classes), shown when there are several.
    trees : iterable of int, optional
        Indices of the trees to write, all by default.
    precision : int, default=6
        Significant digits of numbers.

    Returns
    -------
    str
        A line per node: its index in square brackets; for a split the condition under which a row goes to
        the first child (the next line), on which side missing values go, its gain, cover (sum of hessians or
        weights) and number of rows; for a leaf its value, or one for each output.

    Raises
    ------
    IndexError
        If a tree does not exist.
    ValueError
        If there are fewer names than features.

    Examples
    --------
    A tree with one split::

        tree 0, 2 leaves
        [0] bmi <= 0.00457 (missing left), gain 1243, cover 442, rows 442
          [1] value -3.79, cover 237, rows 237
          [2] value 4.38, cover 205, rows 205
    """
    forest, features, output_names = _described(model, feature_names, categories, output_names)
    blocks = []
    for index in _chosen(forest, trees):
        tree = forest.tree(index)
        lines = [_title(forest, index, tree, output_names)]
        for node, depth in _preorder(tree["left"], tree["right"]):
            lines.append("  " * depth + _line(tree, node, features, precision))
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def dump_json(
    model: Any,
    *,
    feature_names: Sequence[str] | None = None,
    categories: Sequence[Any] | None = None,
    output_names: Sequence[Any] | None = None,
    trees: Iterable[int] | None = None,
    indent: int | None = None,
) -> str:
    """JSON of the trees, nodes in a flat list.

    Parameters
    ----------
    model, feature_names, categories, output_names, trees
        As in `dump_text`.
    indent : int, optional
        Passed to `json.dumps`.

    Returns
    -------
    str
        An object with

        - ``format`` (``"fastml forest"``), ``version`` (1);
        - ``n_outputs``, ``output_names`` (or null), ``baseline`` (a number per output: what the trees' values
          are added to), ``divisor`` (of that sum; 1 but in forests), ``link`` (from there to the prediction;
          null if it is a function of the user), ``feature_names``;
        - ``member_weights``, of AdaBoostRegressor only: the prediction is the median by these weights of the
          outputs, one for each tree;
        - ``trees``: a list of objects with ``index``, ``output`` (index of the output that the tree adds to;
          null where each leaf has a list of values, one for each output) and ``nodes``, in which a node's
          place is its index and node 0 is the root.

        A split has ``left``, ``right`` (indices of its children, larger than its own), ``feature`` (index),
        ``missing`` (``"left"`` or ``"right"``) and one of ``threshold`` (``x <= threshold`` goes left; may be
        ``"inf"`` or ``"-inf"``), ``categories`` (those that go left; the other categories of the training
        data go right, unknown ones go where missing values go) and, in models of other libraries,
        ``intervals`` (a list of pairs: x goes left if it is above the first and not above the second of one;
        a first of ``"-inf"`` has nothing below it).
        Every node has ``value`` (raw score; used in leaves only), ``cover``, ``rows``; a split also has
        ``gain``.
    """
    forest, features, output_names = _described(model, feature_names, categories, output_names)
    document = {
        "format": "fastml forest",
        "version": DUMP_VERSION,
        "n_outputs": forest.n_outputs,
        "output_names": None if output_names is None else [_plain(name) for name in output_names],
        "baseline": forest.baseline.tolist(),
        "divisor": forest.divisor,
        "link": None if forest.link is None else {"name": forest.link.name, "scale": forest.link.scale},
        "feature_names": features.names,
        "trees": [
            {"index": index, "output": forest.output_of(index), "nodes": _nodes(forest.tree(index), features)}
            for index in _chosen(forest, trees)
        ],
    }
    if forest.member_weights is not None:
        document["member_weights"] = forest.member_weights.tolist()
    return json.dumps(document, indent=indent, allow_nan=False)


def dump_dot(
    model: Any,
    *,
    feature_names: Sequence[str] | None = None,
    categories: Sequence[Any] | None = None,
    output_names: Sequence[Any] | None = None,
    trees: Iterable[int] | None = None,
    precision: int = 3,
) -> str:
    """The trees in the DOT language, for Graphviz.

    Parameters
    ----------
    model, feature_names, categories, output_names, trees, precision
        As in `dump_text`.

    Returns
    -------
    str
        One graph with a cluster for each tree; "yes" is the child of the rows for which the condition holds.

    Examples
    --------
    >>> from fastml.io import dump_dot
    >>> from fastml.tree import DecisionTreeRegressor
    >>> print(dump_dot(DecisionTreeRegressor(max_depth=1).fit([[0.0], [1.0]], [2.0, 4.0])))
    digraph trees {
      node [shape=box, style=rounded, fontname="Helvetica"];
      subgraph cluster_0 {
        label="tree 0, 2 leaves";
        t0n0 [label="x0 <= 0.5\\nmissing right\\nrows 2"];
        t0n1 [label="2\\nrows 1"];
        t0n2 [label="4\\nrows 1"];
        t0n0 -> t0n1 [label="yes"];
        t0n0 -> t0n2 [label="no"];
      }
    }
    <BLANKLINE>
    """
    forest, features, output_names = _described(model, feature_names, categories, output_names)
    lines = ["digraph trees {", '  node [shape=box, style=rounded, fontname="Helvetica"];']
    for index in _chosen(forest, trees):
        tree = forest.tree(index)
        lines += [
            f"  subgraph cluster_{index} {{",
            f"    label={_quoted(_title(forest, index, tree, output_names))};",
        ]
        edges = []
        for node, _ in _preorder(tree["left"], tree["right"]):
            if tree["left"][node] < 0:
                words = [value_text(tree["value"][node], precision)]
            else:
                words = [features.condition(tree, node, precision), f"missing {missing_side(tree, node)}"]
                for child, answer in ((tree["left"][node], "yes"), (tree["right"][node], "no")):
                    edges.append(f'    t{index}n{node} -> t{index}n{child} [label="{answer}"];')
            words.append(f"rows {tree['count'][node]}")
            lines.append(f"    t{index}n{node} [label={_quoted(*words)}];")
        lines += [*edges, "  }"]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(*lines):
    """Lines as a label of DOT."""
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for line in lines)
    return '"' + "\\n".join(escaped) + '"'


def value_text(value, precision):
    """The value of a leaf, or its values."""
    return " ".join(f"{v:.{precision}g}" for v in np.atleast_1d(value))


class FeatureLabels:
    """Names of features and of their categories, and the conditions of splits in words.

    Parameters
    ----------
    forest : Forest
    names : sequence of str, optional
    categories : sequence, optional
        As in `dump_text`.
    """

    def __init__(self, forest, names=None, categories=None):
        self._forest = forest
        n_used = forest.max_feature + 1
        n_features = max([n_used, *(len(given) for given in (names, categories) if given is not None)])
        if names is not None and len(names) < n_used:
            raise ValueError(
                f"feature_names has {len(names)} names, but the trees split on feature {n_used - 1}"
            )
        self.names = [f"x{i}" for i in range(n_features)] if names is None else [str(name) for name in names]
        self._categories = categories

    def left_categories(self, tree, node):
        """Labels of the categories that go left in a categorical split, in the order of their codes."""
        bits = np.unpackbits(tree["category_sets"][tree["category_set"][node]], bitorder="little")
        feature = int(tree["feature"][node])
        known = self._categories[feature] if self._categories is not None else None
        if known is None:
            return [int(code) - 1 for code in np.flatnonzero(bits) if code > 0]
        labels = []
        for code in range(1, min(len(known) + 1, 256)):
            if bits[code]:
                label = known[code - 1]
                labels.extend(label if isinstance(label, (list, tuple, np.ndarray)) else [label])
        return [_plain(label) for label in labels]

    def left_set(self, tree, node):
        """What goes left in a split by a set, as in `dump_json`."""
        intervals = self._forest.intervals(tree, node)
        if intervals is None:
            return {"categories": self.left_categories(tree, node)}
        return {"intervals": [[_number(low), _number(high)] for low, high in intervals]}

    def condition(self, tree, node, precision, shown=SHOWN_CATEGORIES):
        """Condition under which a row goes left, such as ``age <= 42.5`` or ``city in {Bern, Oslo}``."""
        name = self.names[tree["feature"][node]]
        if tree["category_set"][node] < 0:
            return f"{name} <= {tree['threshold'][node]:.{precision}g}"
        intervals, relation = self._forest.intervals(tree, node), "in"
        if intervals is None:
            labels = [str(label) for label in self.left_categories(tree, node)]
        else:
            if intervals and np.isinf(intervals[0][0]) and np.isinf(intervals[-1][1]):
                relation = "not in"  # a set of what goes right
                ends = [bound for pair in intervals for bound in pair][1:-1]
                intervals = list(zip(ends[::2], ends[1::2], strict=True))
            known = self._forest.labels.get(int(tree["feature"][node]))
            labels = [_range_text(low, high, known, precision) for low, high in intervals]
        more = len(labels) - shown
        return f"{name} {relation} {{{', '.join(labels[:shown])}{f', ... {more} more' if more > 0 else ''}}}"


def _range_text(low, high, labels, precision):
    """The numbers above `low` and not above `high`: whole numbers or labels, if these are what can be."""
    first = np.nextafter(low, np.inf) if low != -1.0 else 0.0  # LightGBM cuts -0.5 to category 0
    last = np.nextafter(high, np.inf) - 1.0
    if first == high:
        return f"{high:.{precision}g}"
    # one in float32 is the least double that rounds to it: a little below
    first, last = (
        round(end) if np.isfinite(end) and abs(end - round(end)) < 1e-6 * max(1.0, abs(end)) else None
        for end in (first, last)
    )
    if first is None or last is None or not 0 <= first <= last:
        return f"({low:.{precision}g}, {high:.{precision}g}]"
    if labels is not None and last < len(labels):
        return ", ".join(str(label) for label in labels[first : last + 1])
    return f"{first}" if first == last else f"{first}-{last}"


def missing_side(tree, node):
    """Where missing values go in a split: ``"left"`` or ``"right"``."""
    if tree["category_set"][node] >= 0:
        # In a categorical split bit 0 of the set decides, not the flag of numerical splits.
        return "left" if tree["category_sets"][tree["category_set"][node], 0] & 1 else "right"
    return "left" if tree["missing_left"][node] else "right"


def _described(model, feature_names, categories, output_names):
    """Forest, labels of its features, names of its outputs; given ones before those that the model knows."""
    forest = describe_forest(model)
    features = FeatureLabels(
        forest,
        forest.feature_names if feature_names is None else feature_names,
        forest.categories if categories is None else categories,
    )
    return forest, features, forest.output_names if output_names is None else output_names


def _plain(label):
    label = label.item() if isinstance(label, np.generic) else label
    if label is None or isinstance(label, (bool, int, str)):
        return label
    return _number(float(label)) if isinstance(label, float) else str(label)


def _number(value):
    """A float that JSON can hold; a whole category code reads better without '.0'."""
    if not np.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _chosen(forest, trees):
    if trees is None:
        return range(forest.n_trees)
    chosen = [int(index) for index in trees]
    for index in chosen:
        if not 0 <= index < forest.n_trees:
            raise IndexError(f"tree index must be in [0, {forest.n_trees}), got {index}")
    return chosen


def _preorder(left, right):
    """Yield (node, depth), a parent before its left and then its right subtree; no recursion."""
    stack = [(0, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        if left[node] >= 0:
            stack.append((int(right[node]), depth + 1))
            stack.append((int(left[node]), depth + 1))


def _title(forest, index, tree, output_names):
    title = f"tree {index}"
    output = forest.output_of(index)
    if forest.n_outputs > 1 and output is not None:
        title += (
            f", output {output}" if output_names is None else f", output {output} ({output_names[output]})"
        )
    n_leaves = int(np.count_nonzero(tree["left"] < 0))
    return f"{title}, {n_leaves} {'leaf' if n_leaves == 1 else 'leaves'}"


def _line(tree, node, features, precision):
    def number(value):
        return f"{value:.{precision}g}"

    seen = f"cover {number(tree['weight'][node])}, rows {tree['count'][node]}"
    if tree["left"][node] < 0:
        return f"[{node}] value {value_text(tree['value'][node], precision)}, {seen}"
    condition = features.condition(tree, node, precision)
    side = missing_side(tree, node)
    return f"[{node}] {condition} (missing {side}), gain {number(tree['gain'][node])}, {seen}"


def _nodes(tree, features):
    nodes = []
    for node in range(tree["left"].size):
        entry = {
            "value": tree["value"][node].tolist(),
            "cover": float(tree["weight"][node]),
            "rows": int(tree["count"][node]),
        }
        if tree["left"][node] >= 0:
            entry["left"], entry["right"] = int(tree["left"][node]), int(tree["right"][node])
            entry["feature"] = int(tree["feature"][node])
            entry["missing"] = missing_side(tree, node)
            entry["gain"] = float(tree["gain"][node])
            if tree["category_set"][node] >= 0:
                entry |= features.left_set(tree, node)
            else:
                threshold = float(tree["threshold"][node])
                entry["threshold"] = threshold if np.isfinite(threshold) else str(threshold)
        nodes.append(entry)
    return nodes
