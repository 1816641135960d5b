"""scikit-learn's trees and their ensembles.

Trees of ``sklearn.tree`` compare float32(x) with a double; those of ``HistGradientBoosting*`` doubles.
"""

from __future__ import annotations

import numpy as np

from fastml.io.errors import ModelFileError
from fastml.io.exchange.assemble import assemble, reading
from fastml.io.exchange.foreign import ForeignForest
from fastml.io.exchange.links import Link
from fastml.io.exchange.xgboost_json import below

__all__ = ["from_sklearn"]


def from_sklearn(model, *, n_jobs=None):
    """Take over trees of scikit-learn.

    Parameters
    ----------
    model : fitted estimator of scikit-learn
        DecisionTree*, ExtraTree*, RandomForest*, ExtraTrees*, GradientBoosting*, HistGradientBoosting* or
        AdaBoostClassifier, with one output; regressors may have several, except where trees are boosted.
    n_jobs : int, default=None
        Threads of prediction; None and -1 take all.

    Returns
    -------
    TreeModel
        With ``predict``, ``predict_proba`` and ``apply`` of the original. ``predict_raw`` is its decision
        function, or the sum over the trees of a forest.

    Raises
    ------
    TypeError
        If `model` is none of the above, or not fitted.
    ModelFileError
        If it has what cannot be taken over: a custom ``init`` of GradientBoosting, categories that were not
        given as numbers, several outputs of classes.
    """
    reader = next((_READERS[c.__name__] for c in type(model).__mro__ if c.__name__ in _READERS), None)
    if reader is None or not type(model).__module__.startswith("sklearn."):
        raise TypeError(
            f"model must be one of scikit-learn's tree models ({', '.join(_READERS)}), got "
            f"{type(model).__module__}.{type(model).__name__}"
        )
    if not hasattr(model, "n_features_in_"):
        raise TypeError(f"this {type(model).__name__} is not fitted")
    with reading("scikit-learn"):
        return reader(model, n_jobs)


def _names(model):
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def _add_tree(foreign, tree, value, output=0):
    """One ``sklearn.tree._tree.Tree``; value: by node."""
    # float32(x) <= threshold is float32(x) < the next float32 above the greatest one not beyond it
    with np.errstate(over="ignore"):
        near = tree.threshold.astype(np.float32)
    near = np.where(near > tree.threshold, np.nextafter(near, np.float32(-np.inf)), near)
    threshold = below(np.nextafter(near, np.float32(np.inf)))
    threshold[near == np.inf] = np.inf  # missing values alone go right
    missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count))
    weight = tree.weighted_n_node_samples
    foreign.add(
        output,
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=threshold,
        missing_left=np.asarray(missing) > 0,
        value=value,
        gain=_gains(tree),
        # explanations count rows where there are numbers of rows, and scikit-learn's trees count weights
        count=tree.n_node_samples if np.array_equal(tree.n_node_samples, weight) else None,
        weight=weight,
    )


def _gains(tree):
    mass = tree.impurity * tree.weighted_n_node_samples
    inner = tree.children_left >= 0
    gain = np.zeros(tree.node_count)
    gain[inner] = mass[inner] - mass[tree.children_left[inner]] - mass[tree.children_right[inner]]
    return gain


def _shares(tree):
    """Shares of the classes by node; older versions of scikit-learn keep weights."""
    value = tree.value[:, 0, :]
    return value / value.sum(axis=1, keepdims=True)


def _means(model, n_jobs):
    """A tree, or a forest whose trees are averaged."""
    members = getattr(model, "estimators_", [model])
    n_outputs = model.n_outputs_
    classes = None
    if hasattr(model, "classes_"):
        if n_outputs > 1:
            raise ModelFileError("classifiers of several outputs cannot be taken over; fit one for each")
        classes = model.classes_
        n_classes = len(classes)
        # one share is enough of two; of one class there is nothing to say
        width = 1 if n_classes == 2 else n_classes
        link = Link("second share" if n_classes == 2 else "share")
    else:
        width, link = n_outputs, Link("identity")
    foreign = ForeignForest(model.n_features_in_, 1, width)
    for member in members:
        tree = member.tree_
        if classes is None:
            value = tree.value[:, :, 0]
        else:
            value = _shares(tree)[:, -width:]
        _add_tree(foreign, tree, value[:, 0] if width == 1 else value)
    return assemble(
        foreign, link, origin=f"scikit-learn {type(model).__name__}", divisor=len(members), classes=classes,
        feature_names=_names(model), n_jobs=n_jobs,
    )  # fmt: skip


def _gradient_boosting(model, n_jobs):
    n_outputs = model.estimators_.shape[1]
    if model.init_ == "zero":
        baseline = np.zeros(n_outputs)
    elif type(model.init_).__name__ in ("DummyClassifier", "DummyRegressor"):
        # it says the same of every row
        row = np.zeros((1, model.n_features_in_), dtype=np.float32)
        baseline = np.asarray(model._raw_predict_init(row), dtype=np.float64).reshape(-1)
    else:
        raise ModelFileError("GradientBoosting with an init estimator of its own cannot be taken over")
    foreign = ForeignForest(model.n_features_in_, n_outputs)
    for members in model.estimators_:
        for k, member in enumerate(members):
            _add_tree(foreign, member.tree_, model.learning_rate * member.tree_.value[:, 0, 0], k)
    classes = getattr(model, "classes_", None)
    link = Link("identity")
    if classes is not None:
        if n_outputs > 1:
            link = Link("softmax")
        else:
            link = Link("sigmoid", 2.0 if model.loss == "exponential" else 1.0)
    return assemble(
        foreign, link, origin=f"scikit-learn {type(model).__name__}", baseline=baseline, classes=classes,
        feature_names=_names(model), n_jobs=n_jobs,
    )  # fmt: skip


def _hist_gradient_boosting(model, n_jobs):
    n_outputs = model.n_trees_per_iteration_
    order, categories = _columns(model)
    foreign = ForeignForest(model.n_features_in_, n_outputs)
    for predictors in model._predictors:
        for k, predictor in enumerate(predictors):
            _add_hist_tree(foreign, predictor, order, categories, k)
    classes = getattr(model, "classes_", None)
    if classes is not None:
        link = Link("softmax" if n_outputs > 1 else "sigmoid")
    else:
        link = Link("exp" if model.loss in ("poisson", "gamma") else "identity")
    return assemble(
        foreign, link, origin=f"scikit-learn {type(model).__name__}",
        baseline=np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1), classes=classes,
        feature_names=_names(model), n_jobs=n_jobs,
    )  # fmt: skip


def _columns(model):
    """The user's column of each column of the trees, and the categories of the trees' columns.

    Categorical columns are moved to the front, and their values numbered in ascending order.
    """
    n_features = model.n_features_in_
    if model.is_categorical_ is None or not model.is_categorical_.any():
        return np.arange(n_features), {}
    first = np.flatnonzero(model.is_categorical_)
    order = np.concatenate([first, np.flatnonzero(~model.is_categorical_)])
    encoder = model._preprocessor.named_transformers_["encoder"]
    categories = {}
    for k, known in enumerate(encoder.categories_):
        if np.asarray(known).dtype.kind not in "biuf":
            raise ModelFileError(
                f"column {first[k]} holds categories that are not numbers; encode them before the fit"
            )
        known = np.asarray(known, dtype=np.float64)
        categories[k] = known[~np.isnan(known)]
    return order, categories


def _add_hist_tree(foreign, predictor, order, categories, output):
    nodes = predictor.nodes
    leaf = nodes["is_leaf"] > 0
    missing_left = nodes["missing_go_to_left"] > 0
    sets = {}
    for node in np.flatnonzero(~leaf & (nodes["is_categorical"] > 0)).tolist():
        known = categories[int(nodes["feature_idx"][node])]
        words = predictor.raw_left_cat_bitsets[int(nodes["bitset_idx"][node])]
        bits = np.unpackbits(np.asarray(words, dtype="<u4").view(np.uint8), bitorder="little")
        goes_left = bits[: known.size] > 0
        # a value is known or goes where missing values go; only those that go elsewhere are edges
        apart = known[goes_left != missing_left[node]]
        edges = np.stack([np.nextafter(apart, -np.inf), apart], axis=1).reshape(-1)
        once, times = np.unique(edges, return_counts=True)
        sets[node] = bool(missing_left[node]), once[times % 2 == 1]
    foreign.add(
        output,
        sets,
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        feature=np.where(leaf, -1, order[np.where(leaf, 0, nodes["feature_idx"])]),
        threshold=nodes["num_threshold"],
        missing_left=missing_left,
        value=nodes["value"],
        gain=np.where(leaf, 0.0, nodes["gain"]),
        count=nodes["count"],
        weight=nodes["count"],
    )


def _ada_boost(model, n_jobs):
    n_classes = len(model.classes_)
    members = model.estimators_
    if not all(hasattr(member, "tree_") and member.n_outputs_ == 1 for member in members):
        raise ModelFileError("only AdaBoost of decision trees can be taken over")
    weight = np.asarray(model.estimator_weights_, dtype=np.float64)[: len(members)]
    total = weight.sum()
    foreign = ForeignForest(model.n_features_in_, 1, 1 if n_classes == 2 else n_classes)
    for member, own in zip(members, weight, strict=True):
        label = member.classes_[_shares(member.tree_).argmax(axis=1)]
        vote = np.where(
            label[:, None] == model.classes_[None, :], own, -own / (n_classes - 1) if n_classes > 1 else own
        )
        value = vote[:, 1] - vote[:, 0] if n_classes == 2 else vote
        _add_tree(foreign, member.tree_, value)
    # of two classes the decision is the difference of the votes, half of it the score of each
    link = Link("sigmoid", 1.0) if n_classes == 2 else Link("shifted softmax", 1.0 / (n_classes - 1))
    return assemble(
        foreign, link, origin="scikit-learn AdaBoostClassifier", divisor=total, classes=model.classes_,
        feature_names=_names(model), n_jobs=n_jobs,
    )  # fmt: skip


_READERS = {
    "DecisionTreeClassifier": _means, "DecisionTreeRegressor": _means,
    "RandomForestClassifier": _means, "RandomForestRegressor": _means,
    "ExtraTreesClassifier": _means, "ExtraTreesRegressor": _means,
    "GradientBoostingClassifier": _gradient_boosting, "GradientBoostingRegressor": _gradient_boosting,
    "HistGradientBoostingClassifier": _hist_gradient_boosting,
    "HistGradientBoostingRegressor": _hist_gradient_boosting,
    "AdaBoostClassifier": _ada_boost,
}  # fmt: skip
