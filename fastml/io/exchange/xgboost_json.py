"""XGBoost models: the JSON and UBJSON that ``Booster.save_model`` writes.

XGBoost reads features as float32 and asks x < threshold; `below` turns that into a question to a double.
"""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np

from fastml.io.errors import ModelFileError
from fastml.io.exchange.assemble import assemble, content_of, reading
from fastml.io.exchange.foreign import ForeignForest, as_integers, as_reals, piecewise
from fastml.io.exchange.links import Link
from fastml.io.exchange.ubjson import parse_ubjson

__all__ = ["below", "from_xgboost", "parse", "read_document"]

_LOGIT = "logit"
# Objective: link of its predictions, and what base_score went through to become a margin.
_OBJECTIVES = {
    "reg:squarederror": ("identity", None), "reg:linear": ("identity", None),
    "reg:squaredlogerror": ("identity", None), "reg:pseudohubererror": ("identity", None),
    "reg:absoluteerror": ("identity", None), "reg:quantileerror": ("identity", None),
    "reg:expectileerror": ("identity", None),
    "reg:logistic": ("sigmoid of score", _LOGIT), "binary:logistic": ("sigmoid", _LOGIT),
    "binary:logitraw": ("identity", None), "binary:hinge": ("step", None),
    "count:poisson": ("exp", "log"), "reg:gamma": ("exp", "log"), "reg:tweedie": ("exp", "log"),
    "survival:cox": ("exp", "log"), "survival:aft": ("exp", "log"),
    "rank:pairwise": ("identity", None), "rank:ndcg": ("identity", None), "rank:map": ("identity", None),
    "multi:softprob": ("softmax", None), "multi:softmax": ("largest", None),
}  # fmt: skip
_SPLIT_CATEGORICAL = 1
_MOST_CATEGORIES = 2**24


def from_xgboost(model, *, iteration_range=None, missing=np.nan, n_jobs=None):
    """Take over a model of XGBoost.

    Parameters
    ----------
    model : str, os.PathLike, bytes, binary file object, xgboost.Booster or fitted estimator of xgboost
        A file that ``save_model`` wrote (.json or .ubj), as its path or its content; or the object, which
        is asked for it. Only then is XGBoost needed.
    iteration_range : tuple of (int, int), default=None
        Rounds from the first up to, not including, the second (0: the last). None: of an estimator that
        stopped early, up to its best round, as its ``predict`` does; else all.
    missing : float, default=nan
        A number that is missing, besides NaN; of an estimator, its own.
    n_jobs : int, default=None
        Threads of prediction; None and -1 take all.

    Returns
    -------
    TreeModel
        ``predict`` answers as that of what was given: labels for an XGBClassifier, probabilities for a
        booster of a classification objective. XGBoost sums in float32 and this model in float64, so the two
        differ by the rounding of float32. ``apply`` is XGBoost's ``pred_leaf``, exactly. Categories of data
        frames are matched by their labels where XGBoost has kept these; it cuts labels beyond ASCII, and a
        column of such is then taken as numbers only.

    Raises
    ------
    ModelFileError
        If the content is not a model, or is one of a linear booster, of leaves with several values, or of an
        objective that is not known.
    TypeError
        If `model` is none of the above.
    OSError
        If the file cannot be read.
    """
    classes = None
    content = content_of(model)
    if content is None:
        booster = model
        if hasattr(model, "get_booster"):
            booster, classes = model.get_booster(), getattr(model, "classes_", None)
            if model.missing is not None:
                missing = model.missing
            best = getattr(model, "best_iteration", None) if _stopped_early(booster) else None
            if iteration_range is None and best is not None:
                iteration_range = (0, int(best) + 1)
        if not hasattr(booster, "save_raw"):
            raise TypeError(
                f"model must be a path, a Booster or a fitted estimator of xgboost, got "
                f"{type(model).__name__}"
            )
        content = bytes(booster.save_raw("ubj"))
    if not isinstance(missing, (int, float, np.number)):
        raise TypeError(f"missing must be a number, got {missing!r}")
    with reading("XGBoost"):
        return read_document(parse(content), classes, iteration_range, float(np.float32(missing)), n_jobs)


def _stopped_early(booster):
    return booster.attr("best_iteration") is not None


def parse(content):
    """The value in bytes of JSON or UBJSON."""
    # a text starts with an object's first key, the binary form with its length
    if content[:1] == b"{" and content[1:].lstrip()[:1] in (b'"', b"}"):
        return json.loads(content, object_pairs_hook=_unique, parse_constant=float)
    if content[:1] != b"{":
        raise ModelFileError("this is neither JSON nor UBJSON; save the model as .json or .ubj")
    return parse_ubjson(content)


def _unique(pairs):
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ModelFileError("a key comes twice")
    return content


def below(threshold):
    """The greatest double that rounds to a float32 below each threshold.

    Parameters
    ----------
    threshold : float32 array

    Returns
    -------
    float64 array
        float32(x) < threshold if and only if x <= this.
    """
    threshold = np.asarray(threshold, dtype=np.float32)
    before = np.nextafter(threshold, np.float32(-np.inf))
    middle = (before.astype(np.float64) + threshold) / 2
    return np.where(middle.astype(np.float32) < threshold, middle, np.nextafter(middle, -np.inf))


def read_document(document, classes=None, iteration_range=None, missing=np.nan, n_jobs=None):
    """The model in what `parse` has returned; inside of `reading`."""
    learner = document["learner"]
    booster = learner["gradient_booster"]
    name = booster["name"]
    weights = None
    if name == "dart":
        weights = as_reals(booster["weight_drop"], "weight_drop")
        booster = booster["gbtree"]
    elif name != "gbtree":
        raise ModelFileError(f"the booster is {name!r:.40}; only trees (gbtree, dart) can be imported")
    model, parameters = booster["model"], learner["learner_model_param"]
    n_features = int(parameters["num_feature"])
    n_outputs = max(1, int(parameters["num_class"])) * max(1, int(parameters.get("num_target", 1)))
    objective = learner["objective"]["name"]
    if objective not in _OBJECTIVES:
        raise ModelFileError(
            f"the objective {objective!r:.80} is not known; known are {', '.join(_OBJECTIVES)}"
        )
    if max(1, int(parameters["num_class"])) > 1 and max(1, int(parameters.get("num_target", 1))) > 1:
        raise ModelFileError("a model of several targets of several classes cannot be imported")
    link, transform = _OBJECTIVES[objective]
    if link == "sigmoid" and n_outputs > 1:
        if classes is not None:
            raise ModelFileError("a classifier of several labels cannot be imported; hand in its booster")
        link = "sigmoid of score"
    trees, output = model["trees"], as_integers(model["tree_info"], "tree_info")
    if len(output) != len(trees):
        raise ModelFileError(f"tree_info has {len(output)} entries for {len(trees)} trees")
    first, last = _range(model, iteration_range, len(trees), n_outputs)
    foreign = ForeignForest(n_features, n_outputs)
    if weights is not None and len(weights) != len(trees):
        raise ModelFileError(f"weight_drop has {len(weights)} entries for {len(trees)} trees")
    for t in range(first, last):
        _add_tree(foreign, trees[t], int(output[t]), 1.0 if weights is None else weights[t], missing)
    names = [str(label) for label in learner.get("feature_names", [])]
    if classes is not None:
        link = "softmax" if link == "largest" else link
        if not Link(link).gives_probabilities or len(classes) != n_outputs + Link(link).n_classes:
            classes = None
    return assemble(
        foreign, Link(link), origin=f"XGBoost {objective}", classes=classes, n_jobs=n_jobs,
        baseline=_baseline(parameters["base_score"], transform, n_outputs),
        feature_names=names if len(names) == n_features else None, categories=_labels(model),
    )  # fmt: skip


def _range(model, iteration_range, n_trees, n_outputs):
    """Trees of the rounds that are wanted."""
    if iteration_range is None:
        return 0, n_trees
    begin, end = (int(round_) for round_ in iteration_range)
    if "iteration_indptr" in model:
        starts = as_integers(model["iteration_indptr"], "iteration_indptr")
    else:
        per_round = n_outputs * max(1, int(model["gbtree_model_param"].get("num_parallel_tree", 1)))
        starts = np.arange(0, n_trees + 1, per_round)
    if starts.size == 0 or starts[0] != 0 or starts[-1] != n_trees or (np.diff(starts) < 0).any():
        raise ModelFileError("iteration_indptr must ascend from 0 to the number of trees")
    if end == 0:
        end = starts.size - 1
    if not 0 <= begin <= end <= starts.size - 1:
        raise ModelFileError(
            f"iteration_range must be two rounds from 0 to {starts.size - 1}, got {iteration_range}"
        )
    return int(starts[begin]), int(starts[end])


def _baseline(text, transform, n_outputs):
    score = json.loads(text) if isinstance(text, str) else text
    score = np.array(score if isinstance(score, list) else [score], dtype=np.float32).astype(np.float64)
    if transform == _LOGIT:
        if not ((score > 0) & (score < 1)).all():
            raise ModelFileError("base_score must be a probability between 0 and 1")
        score = -np.log(1.0 / score - 1.0)
    elif transform == "log":
        if not (score > 0).all():
            raise ModelFileError("base_score must be positive")
        score = np.log(score)
    if score.size not in (1, n_outputs):
        raise ModelFileError(f"base_score has {score.size} entries for {n_outputs} outputs")
    return np.broadcast_to(score, n_outputs).copy()


def _add_tree(foreign, tree, output, weight, missing):
    if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise ModelFileError(
            "the leaves have several values (multi_strategy='multi_output_tree'); train with one tree per "
            "output"
        )
    left = as_integers(tree["left_children"], "left_children")
    right = as_integers(tree["right_children"], "right_children")
    condition = as_reals(tree["split_conditions"], "split_conditions").astype(np.float32)
    feature = as_integers(tree["split_indices"], "split_indices")
    default_left = as_integers(tree["default_left"], "default_left") > 0
    n = left.size
    for name, array in (
        ("right_children", right),
        ("split_conditions", condition),
        ("default_left", default_left),
    ):
        if array.size != n:
            raise ModelFileError(f"{name} of a tree has {array.size} entries for {n} nodes")
    kind = as_integers(tree.get("split_type", []), "split_type")
    if kind.size not in (0, n):
        raise ModelFileError(f"split_type of a tree has {kind.size} entries for {n} nodes")
    inner = left >= 0
    threshold = below(condition)
    sets = {}
    if kind.size and (kind[inner] == _SPLIT_CATEGORICAL).any():
        sets = _categories(tree, n, default_left, missing)
        if set(sets) != set(np.flatnonzero(inner & (kind == _SPLIT_CATEGORICAL)).tolist()):
            raise ModelFileError("categories_nodes must be the splits by category")
    if not np.isnan(missing):
        low, high = below(np.float32(missing)), below(np.nextafter(np.float32(missing), np.float32(np.inf)))
        for node in np.flatnonzero(inner).tolist():
            if node not in sets:
                points = np.unique([low, high, threshold[node]])
                ends = np.append(points, np.inf)
                goes_left = np.where(
                    (ends > low) & (ends <= high), default_left[node], ends <= threshold[node]
                )
                sets[node] = piecewise(points, goes_left)
    foreign.add(
        output,
        sets,
        left=left,
        right=right,
        feature=np.where(inner, feature, -1),
        threshold=threshold,
        missing_left=default_left,
        value=condition.astype(np.float64) * weight,
        gain=as_reals(tree.get("loss_changes", np.zeros(n)), "loss_changes"),
        weight=as_reals(tree.get("sum_hessian", np.zeros(n)), "sum_hessian"),
    )


def _categories(tree, n_nodes, default_left, missing):
    """Conditions of the splits by category: what is in the set goes right."""
    nodes = as_integers(tree["categories_nodes"], "categories_nodes")
    begin = as_integers(tree["categories_segments"], "categories_segments")
    size = as_integers(tree["categories_sizes"], "categories_sizes")
    values = as_integers(tree["categories"], "categories")
    if not nodes.size == begin.size == size.size or np.unique(nodes).size != nodes.size:
        raise ModelFileError("the lists of splits by category must be of equal length, no node twice")
    if (nodes < 0).any() or (nodes >= n_nodes).any():
        raise ModelFileError("categories_nodes names a node that the tree does not have")
    if (
        (begin < 0).any()
        or (size < 0).any()
        or (begin > values.size).any()
        or (size > values.size - begin).any()
    ):
        raise ModelFileError("categories_segments goes beyond the categories")
    if size.sum() > values.size:  # or a small file could ask for much work
        raise ModelFileError("categories_segments overlap")
    if (values < 0).any() or (values >= _MOST_CATEGORIES).any():
        raise ModelFileError(f"categories must be from 0 to {_MOST_CATEGORIES - 1}")
    sets = {}
    for node, first, count in zip(nodes.tolist(), begin.tolist(), size.tolist(), strict=True):
        right = np.unique(values[first : first + count])
        points = np.unique(below(np.concatenate([right, right + 1]).astype(np.float32)))
        ends = np.append(points, np.inf)
        # the category of (a, b] is that of its end, cut to a whole number; b is below a whole number
        category = np.ceil(ends) - 1
        goes_left = ~np.isin(category, right)
        if not np.isnan(missing):
            raise ModelFileError("splits by category and a missing value other than NaN cannot be imported")
        sets[node] = piecewise(points, goes_left)
    return sets


def _labels(model):
    """Labels of the columns that were categorical in the data frame, by feature."""
    cats = model.get("cats")
    if not cats or not len(cats.get("enc", [])):
        return None
    labels = {}
    for j, column in enumerate(cats["enc"]):
        if "offsets" in column:
            bounds, text = as_integers(column["offsets"], "offsets"), column["values"]
            raw = bytes(np.asarray(text, dtype=np.int64).astype(np.uint8)) if len(text) else b""
            if (np.diff(bounds) < 0).any() or (bounds.size and (bounds[0] < 0 or bounds[-1] > len(raw))):
                raise ModelFileError("the labels of a feature are not in order")
            # XGBoost 3.1 and 3.2 count characters and cut bytes: beyond ASCII labels are lost, and no guess
            # at them is better than none (rows of labels are then refused)
            own = [raw[lo:hi].decode() for lo, hi in pairwise(bounds)] if raw.isascii() else []
        else:
            own = np.asarray(column["values"]).tolist()
        if own:
            labels[j] = own
    return labels or None
