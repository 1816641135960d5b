"""CatBoost models: the JSON that ``CatBoost.save_model(format="json")`` writes.

CatBoost reads numbers as float32 and sends x > border to the right, or to the higher half of a symmetric
tree's leaves.
"""

from __future__ import annotations

import json
import os
import tempfile

import numpy as np

from fastml.io.errors import ModelFileError
from fastml.io.exchange.assemble import assemble, content_of, reading
from fastml.io.exchange.foreign import ForeignForest, as_reals
from fastml.io.exchange.links import Link
from fastml.io.exchange.xgboost_json import below

__all__ = ["from_catboost", "parse", "read_document"]

_MOST_LEVELS = 16  # CatBoost's own limit
# Loss: link of its predictions. Of what is not named here the raw score is the prediction.
_LINKS = {
    "Logloss": "sigmoid", "CrossEntropy": "sigmoid", "Focal": "sigmoid", "MultiClass": "softmax",
    "MultiClassOneVsAll": "sigmoids", "Poisson": "exp", "Tweedie": "exp",
}  # fmt: skip
_RAW = frozenset(
    "RMSE MAE Quantile LogLinQuantile MAPE Lq Huber Expectile LogCosh MultiRMSE MultiQuantile QueryRMSE "
    "PairLogit PairLogitPairwise YetiRank YetiRankPairwise QuerySoftMax StochasticRank LambdaMart "
    "StochasticFilter QueryCrossEntropy Combination Cox MultiRMSEWithMissingValues".split()
)


def from_catboost(model, *, n_jobs=None):
    """Take over a model of CatBoost that looks at numbers.

    Parameters
    ----------
    model : str, os.PathLike, bytes, binary file object or fitted estimator of catboost
        A file that ``save_model(..., format="json")`` wrote, as its path or its content; or the object,
        which is asked for it. Only then is CatBoost needed.
    n_jobs : int, default=None
        Threads of prediction; None and -1 take all.

    Returns
    -------
    TreeModel
        ``predict`` answers as that of CatBoostClassifier and CatBoostRegressor; ``predict_raw`` is the
        ``RawFormulaVal``. ``apply`` gives the places of leaves in CatBoost's order for symmetric trees.

    Raises
    ------
    ModelFileError
        If the content is not a model, or the model looks at categories, texts or embeddings (they are
        turned into numbers by tables that the trees do not have), or has a loss that is not known.
    TypeError
        If `model` is none of the above.
    OSError
        If the file cannot be read.
    """
    classes = None
    content = content_of(model)
    if content is None:
        if not (hasattr(model, "save_model") and hasattr(model, "tree_count_")):
            raise TypeError(f"model must be a path or a fitted model of catboost, got {type(model).__name__}")
        if len(model.get_cat_feature_indices()) or len(model.get_text_feature_indices()):
            raise ModelFileError("the model looks at categories or texts; only numbers can be taken over")
        classes = np.asarray(model.classes_) if len(getattr(model, "classes_", ())) else None
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.json")
            model.save_model(path, format="json")
            with open(path, "rb") as file:
                content = file.read()
    with reading("CatBoost"):
        return read_document(parse(content), classes, n_jobs)


def parse(content):
    """The value in bytes of JSON."""
    if content[:4] == b"CBM1":
        raise ModelFileError('this is CatBoost\'s binary form; save the model with format="json"')
    return json.loads(content, object_pairs_hook=_unique)


def _unique(pairs):
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ModelFileError("a key comes twice")
    return content


def read_document(document, classes=None, n_jobs=None):
    """The model in what `parse` has returned; inside of `reading`."""
    info = document["features_info"]
    others = sorted(set(info) - {"float_features"})
    if others:
        raise ModelFileError(f"the model looks at {', '.join(others)}; only numbers can be taken over")
    features = info.get("float_features", [])
    column = {int(f["feature_index"]): int(f["flat_feature_index"]) for f in features}
    missing_left = {int(f["feature_index"]): f["nan_value_treatment"] != "AsTrue" for f in features}
    scale, bias = document["scale_and_bias"]
    bias = as_reals(bias if isinstance(bias, list) else [bias], "the bias")
    if not isinstance(scale, (int, float)) or not np.isfinite(scale):
        raise ModelFileError("the scale must be a finite number")
    foreign = ForeignForest(max(column.values(), default=0) + 1, 1, max(1, bias.size))

    def split(of):
        if of.get("split_type", "FloatFeature") != "FloatFeature":
            raise ModelFileError(f"a split is a {of['split_type']!r:.40}; only numbers can be taken over")
        f = int(of["float_feature_index"])
        if f not in column:
            raise ModelFileError(f"a split names feature {f}, which the model does not have")
        return column[f], float(of["border"]), missing_left[f]

    for tree in document.get("oblivious_trees", []):
        _add_symmetric(foreign, tree, split, scale)
    for tree in document.get("trees", []):
        _add_tree(foreign, tree, split, scale)
    name, link = _link(document["model_info"])
    if classes is None and Link(link).gives_probabilities:
        classes = _labels(document["model_info"])
    if classes is not None:
        if not Link(link).gives_probabilities or len(classes) != bias.size + Link(link).n_classes:
            classes = None
    names = [feature.get("feature_id", "") for feature in features]
    in_place = [*column.values()] == list(range(foreign.n_features))
    return assemble(
        foreign, Link(link), origin=f"CatBoost {name}", baseline=bias, classes=classes, n_jobs=n_jobs,
        feature_names=names if in_place and all(names) and names else None,
    )  # fmt: skip


def _add_symmetric(foreign, tree, split, scale):
    splits = [split(own) for own in tree.get("splits") or []]
    depth = len(splits)
    if depth > _MOST_LEVELS:
        raise ModelFileError(f"a tree has {depth} levels, at most {_MOST_LEVELS} can be")
    n_leaves, width = 1 << depth, foreign.width
    leaves = as_reals(tree["leaf_values"], "leaf_values")
    weights = as_reals(tree.get("leaf_weights") or np.zeros(n_leaves), "leaf_weights")
    if leaves.size != n_leaves * width or weights.size != n_leaves:
        raise ModelFileError(
            f"a tree of {depth} levels has {leaves.size} values, {n_leaves * width} expected"
        )
    # Nodes by level. The last split is the root, as where CatBoost explains: it decides the highest bit of a
    # leaf's number, so leaves are in their order.
    n_inner = n_leaves - 1
    level = np.repeat(np.arange(depth), 1 << np.arange(depth))
    node = np.arange(n_inner)
    fields = [
        np.array([own[k] for own in splits])[depth - 1 - level] if depth else np.zeros(0) for k in range(3)
    ]
    value = np.zeros((n_inner + n_leaves, width))
    value[n_inner:] = scale * leaves.reshape(n_leaves, width)
    weight = np.concatenate([np.zeros(n_inner), weights])
    for at in range(n_inner - 1, -1, -1):
        weight[at] = weight[2 * at + 1] + weight[2 * at + 2]
    none = np.full(n_leaves, -1)
    foreign.add(
        left=np.concatenate([2 * node + 1, none]),
        right=np.concatenate([2 * node + 2, none]),
        feature=np.concatenate([fields[0], none]),
        threshold=np.concatenate([_not_above(fields[1]), np.zeros(n_leaves)]),
        missing_left=np.concatenate([fields[2], np.zeros(n_leaves)]),
        value=value[:, 0] if width == 1 else value,
        weight=weight,
        count=weight,
        number=np.concatenate([node, np.arange(n_leaves)]),
    )


def _not_above(border):
    """float32(x) <= border if and only if x <= this."""
    return below(np.nextafter(border.astype(np.float32), np.float32(np.inf)))


def _add_tree(foreign, root, split, scale):
    """A tree written as nested objects."""
    width = foreign.width
    left, right, feature, border, missing, value, weight = [], [], [], [], [], [], []
    stack = [(root, None, 0)]
    while stack:
        own, children, parent = stack.pop()
        at = len(left)
        if children is not None:
            children[parent] = at
        is_leaf = "split" not in own
        f, b, m = (-1, 0.0, True) if is_leaf else split(own["split"])
        left.append(-1), right.append(-1), feature.append(f), border.append(b), missing.append(m)
        values = np.zeros(width)
        if is_leaf:
            given = as_reals(own["value"] if isinstance(own["value"], list) else [own["value"]], "value")
            if given.size != width:
                raise ModelFileError(f"a leaf has {given.size} values, expected {width}")
            values = scale * given
        else:
            stack += [(own["right"], right, at), (own["left"], left, at)]
        value.append(values)
        weight.append(float(own.get("weight", 0.0)))
    value = np.array(value)
    weight = np.array(weight)
    for at in range(len(left) - 1, -1, -1):  # a child comes after its parent
        if left[at] >= 0:
            weight[at] = weight[left[at]] + weight[right[at]]
    foreign.add(
        left=left, right=right, feature=feature, threshold=_not_above(np.array(border)), missing_left=missing,
        value=value[:, 0] if width == 1 else value, weight=weight, count=weight,
    )  # fmt: skip


def _parameters(info):
    parameters = info.get("params", {})
    return json.loads(parameters) if isinstance(parameters, str) else parameters


def _link(info):
    """Name of the loss and link of its predictions."""
    loss = _parameters(info).get("loss_function", {})
    name = loss.get("type", "RMSE") if isinstance(loss, dict) else str(loss)
    if name not in _LINKS and name not in _RAW:
        raise ModelFileError(
            f"the loss {name!r:.60} is not known; known are {', '.join([*_LINKS, *sorted(_RAW)])}"
        )
    return name, _LINKS.get(name, "identity")


def _labels(info):
    known = info.get("class_params", {})
    known = json.loads(known) if isinstance(known, str) else known
    labels = known.get("class_names") or known.get("class_to_label")
    return np.array(labels) if labels else None
