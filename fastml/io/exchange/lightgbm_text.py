"""LightGBM models: the text that ``Booster.save_model`` writes.

The decisions of a node are those of LightGBM's ``tree.h`` (``NumericalDecision``, ``CategoricalDecision``).
"""

from __future__ import annotations

import json

import numpy as np

from fastml.io.errors import ModelFileError
from fastml.io.exchange.assemble import assemble, content_of, reading
from fastml.io.exchange.foreign import ForeignForest, piecewise
from fastml.io.exchange.links import Link

__all__ = ["from_lightgbm"]

# LightGBM takes numbers up to this for zero where zero is missing (kZeroThreshold, a float).
_ZERO = float(np.float32(1e-35))
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MOST_WORDS = 2**15  # of 32 categories each
_MISSING_NONE, _MISSING_ZERO, _MISSING_NAN = 0, 1, 2
# Objective: link of its predictions.
_LINKS = {
    "regression": "identity", "regression_l1": "identity", "huber": "identity", "fair": "identity",
    "quantile": "identity", "mape": "identity", "lambdarank": "identity", "rank_xendcg": "identity",
    "poisson": "exp", "gamma": "exp", "tweedie": "exp", "cross_entropy_lambda": "log1p exp",
    "binary": "sigmoid", "cross_entropy": "sigmoid of score", "multiclass": "softmax",
    "multiclassova": "sigmoids",
}  # fmt: skip


def from_lightgbm(model, *, start_iteration=0, num_iteration=None, n_jobs=None):
    """Take over a model of LightGBM.

    Parameters
    ----------
    model : str, os.PathLike, bytes, binary file object, lightgbm.Booster or fitted estimator of lightgbm
        A file that ``Booster.save_model`` wrote, as its path or its content; or the object, which is asked
        for its text. Only then is LightGBM needed.
    start_iteration : int, default=0
        First round to use.
    num_iteration : int, default=None
        Rounds to use. None: of an object, up to its best iteration if there is one, as its ``predict`` does;
        else all.
    n_jobs : int, default=None
        Threads of prediction; None and -1 take all.

    Returns
    -------
    TreeModel
        ``predict`` answers as that of what was given: labels for an LGBMClassifier, probabilities for a
        booster of a classification objective. ``predict_raw`` is LightGBM's ``raw_score``, equal to the
        last bit; ``apply`` its ``pred_leaf``.

    Raises
    ------
    ModelFileError
        If the text is not a model, or the model has linear leaves or an objective that is not known.
    TypeError
        If `model` is none of the above.
    OSError
        If the file cannot be read.

    Notes
    -----
    Zero as missing value, categories, random forests (averages), DART and continued training are taken over.
    Columns of a data frame with a categorical dtype are matched by their labels.
    """
    classes = None
    content = content_of(model)
    if content is not None:
        text = content.decode("utf-8", errors="replace")
    else:
        booster = model
        if hasattr(model, "booster_"):
            booster, classes = model.booster_, getattr(model, "classes_", None)
        if not hasattr(booster, "model_to_string"):
            raise TypeError(
                f"model must be a path, a Booster or a fitted estimator of lightgbm, got "
                f"{type(model).__name__}"
            )
        text = booster.model_to_string(num_iteration=-1)
        best = int(getattr(booster, "best_iteration", -1) or -1)
        if num_iteration is None and best > 0:
            num_iteration = best - start_iteration
    with reading("LightGBM"):
        return _read(text, classes, start_iteration, num_iteration, n_jobs)


def _read(text, classes, start, number, n_jobs):
    head, trees, tail = _sections(text)
    if "tree" not in head["flags"] or "num_class" not in head:
        raise ModelFileError("this is not a LightGBM model: it does not start with 'tree' and its head")
    per_round = _whole(head, "num_tree_per_iteration")
    n_features = _whole(head, "max_feature_idx") + 1
    if per_round < 1 or len(trees) % per_round:
        raise ModelFileError(f"{len(trees)} trees are not whole rounds of {per_round}")
    n_rounds = len(trees) // per_round
    first, last = _rounds(start, number, n_rounds)
    foreign = ForeignForest(n_features, per_round)
    for t in range(first * per_round, last * per_round):
        _add_tree(foreign, trees[t], t % per_round)
    link, origin = _link(head)
    names = head.get("feature_names", "").split()
    if len(names) != n_features or names == [f"Column_{j}" for j in range(n_features)]:
        names = None
    average = "average_output" in head["flags"] and last > first
    if classes is not None and len(classes) != (2 if per_round == 1 else per_round):
        classes = None
    return assemble(
        foreign, link, origin=f"LightGBM {origin}", divisor=last - first if average else 1.0,
        classes=classes if link.gives_probabilities else None, feature_names=names,
        categories=_labels(head, tail), n_jobs=n_jobs,
    )  # fmt: skip


def _rounds(start, number, n_rounds):
    if not 0 <= start <= n_rounds:
        raise ModelFileError(f"start_iteration must be from 0 to {n_rounds}, got {start}")
    if number is None or number <= 0:
        return start, n_rounds
    return start, min(n_rounds, start + number)


def _sections(text):
    """Head and trees as dicts of texts, and the lines after the trees."""
    head, trees, current, at = {"flags": set()}, [], None, 0
    current = head
    lines = text.split("\n")
    for at, line in enumerate(lines):  # noqa: B007
        line = line.strip()
        if line == "end of trees":
            break
        if not line:
            continue
        name, equals, value = line.partition("=")
        if name == "Tree" and equals:
            if int(value) != len(trees):
                raise ModelFileError(f"tree {value} stands where tree {len(trees)} should")
            current = {}
            trees.append(current)
        elif not equals:
            head["flags"].add(name)
        elif name in current:
            raise ModelFileError(f"{name!r:.80} is given twice")
        else:
            current[name] = value
    else:
        raise ModelFileError("the model has no line 'end of trees'; is the file cut off?")
    return head, trees, lines[at:]


def _whole(section, name):
    if name not in section:
        raise ModelFileError(f"{name!r} is missing")
    return int(section[name])


def _numbers(tree, name, size, dtype=np.float64, required=True):
    """A list of numbers of a tree, checked for its length before it is made."""
    if name not in tree:
        if required:
            raise ModelFileError(f"a tree has no {name!r}")
        return np.zeros(size, dtype=dtype)
    words = tree[name].split()
    if len(words) != size:
        raise ModelFileError(f"{name!r} of a tree has {len(words)} entries, expected {size}")
    return np.array([int(word) for word in words] if dtype == np.int64 else words, dtype=dtype)


def _add_tree(foreign, tree, output):
    if int(tree.get("is_linear", "0")):
        raise ModelFileError(
            "the model has linear trees (linear_tree=True), whose leaves are not numbers; train it without"
        )
    n_leaves = _whole(tree, "num_leaves")
    n_inner = n_leaves - 1
    value = _numbers(tree, "leaf_value", n_leaves)
    if n_leaves == 1:
        minus = np.array([-1])
        foreign.add(output, left=minus, right=minus, value=value)
        return
    leaf_weight = _numbers(tree, "leaf_weight", n_leaves, required=False)
    leaf_count = _numbers(tree, "leaf_count", n_leaves, required=False)

    def joined(inner, leaves):
        return np.concatenate([inner, leaves])

    def child(name):  # a leaf is written as the complement of its number
        node = _numbers(tree, name, n_inner, np.int64)
        if (node < -n_leaves).any() or (node >= n_inner).any():
            raise ModelFileError(f"{name!r} of a tree names a node that it does not have")
        return joined(np.where(node < 0, n_inner - 1 - node, node), np.full(n_leaves, -1))

    nothing = np.zeros(n_leaves)
    kind = _numbers(tree, "decision_type", n_inner, np.int64)
    threshold = _numbers(tree, "threshold", n_inner)
    missing = kind >> 2 & 3
    if (missing > _MISSING_NAN).any() or (kind > 15).any() or (kind < 0).any():
        raise ModelFileError("a tree has a decision_type that is not known")
    default_left = (kind & _DEFAULT_LEFT) > 0
    # NaN is zero where missing values are not expected
    missing_left = np.where(missing == _MISSING_NONE, threshold >= 0.0, default_left)
    sets = {}
    is_categorical = (kind & _CATEGORICAL) > 0
    missing_left[is_categorical] = False
    for node in np.flatnonzero((missing == _MISSING_ZERO) & ~is_categorical):
        if (threshold[node] >= 0.0) != default_left[node] or abs(threshold[node]) <= _ZERO:
            sets[int(node)] = _zero_is_missing(threshold[node], default_left[node])
    if is_categorical.any():
        n_cat = _whole(tree, "num_cat")
        bounds = _numbers(tree, "cat_boundaries", n_cat + 1, np.int64)
        n_words = int(bounds[-1])
        words = _numbers(tree, "cat_threshold", n_words, np.int64)
        if bounds[0] != 0 or (np.diff(bounds) < 0).any() or (words < 0).any() or (words >= 2**32).any():
            raise ModelFileError("the category sets of a tree are not in order")
        known = {}  # a set that several nodes name is made once
        for node in np.flatnonzero(is_categorical):
            which = int(threshold[node])
            if not 0 <= which < n_cat:
                raise ModelFileError("a categorical split names a set that its tree does not have")
            if bounds[which + 1] - bounds[which] > _MOST_WORDS:
                raise ModelFileError(f"a categorical split has categories beyond {32 * _MOST_WORDS}")
            if which not in known:
                known[which] = _categories(words[bounds[which] : bounds[which + 1]])
            sets[int(node)] = known[which]
    foreign.add(
        output,
        sets,
        left=child("left_child"),
        right=child("right_child"),
        feature=joined(_numbers(tree, "split_feature", n_inner, np.int64), np.full(n_leaves, -1)),
        threshold=joined(threshold, nothing),
        missing_left=joined(missing_left, nothing),
        value=joined(_numbers(tree, "internal_value", n_inner, required=False), value),
        gain=joined(_numbers(tree, "split_gain", n_inner, required=False), nothing),
        weight=joined(_numbers(tree, "internal_weight", n_inner, required=False), leaf_weight),
        count=joined(_numbers(tree, "internal_count", n_inner, required=False), leaf_count),
        number=joined(np.arange(n_inner), np.arange(n_leaves)),
    )


def _zero_is_missing(threshold, default_left):
    """x <= threshold goes left, but what is as good as zero goes where missing values go."""
    below = np.nextafter(-_ZERO, -np.inf)
    points = np.unique([below, _ZERO, threshold])
    # the answer on (points[i - 1], points[i]] is that of its end
    ends = np.append(points, np.inf)
    return piecewise(points, np.where((ends > below) & (ends <= _ZERO), default_left, ends <= threshold))


def _categories(words):
    """The set of whole numbers whose bits are set goes left; numbers are cut to whole ones, towards zero."""
    # negative numbers from -1 on are not there, nor is what is beyond the last
    bits = np.zeros(32 * words.size + 2, dtype=bool)
    bits[1:-1] = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")
    changes = np.flatnonzero(bits[1:] != bits[:-1])
    # category c is [c, c + 1), and 0 is (-1, 1)
    edges = np.nextafter(changes.astype(np.float64), -np.inf)
    edges[changes == 0] = -1.0
    return False, edges


def _link(head):
    words = head.get("objective", "custom").split()
    name, options = words[0], dict(word.partition(":")[::2] for word in words[1:])
    if name == "custom":
        return Link("identity"), "custom objective"
    if name not in _LINKS:
        raise ModelFileError(f"the objective {name!r:.80} is not known; known are {', '.join(_LINKS)}")
    link = _LINKS[name]
    if "sqrt" in options:
        link = "signed square"
    scale = float(options.get("sigmoid", 1.0)) if name in ("binary", "multiclassova") else 1.0
    return Link(link, scale), name


def _labels(head, tail):
    """Labels of columns that were categorical in the data frame, by feature."""
    lines = [line for line in tail if line.startswith("pandas_categorical:")]
    if not lines:
        return None
    known = json.loads(lines[-1].partition(":")[2])
    if not known:
        return None
    infos = head.get("feature_infos", "").split()
    categorical = [j for j, info in enumerate(infos) if info != "none" and not info.startswith("[")]
    if len(categorical) != len(known) or not all(isinstance(labels, list) for labels in known):
        return None  # a column of one category is not told from others
    return dict(zip(categorical, known, strict=True))
