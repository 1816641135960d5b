"""What a model of classification or regression trees writes to a file, and the checks before it believes one.

See `fastml.io.model_file` for the file. Everything here takes the state to come from a stranger: what passes
can neither make prediction read out of bounds nor leave the estimator half set.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import is_classifier

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.cart_node import CATEGORIES, FEATURE, NODE
from fastml._engine.tree.categories import CategoryEncoder
from fastml.io.described import DescribedForest, category_labels
from fastml.io.errors import ModelFileError
from fastml.io.exchange.links import Link
from fastml.io.state import StateReader

__all__ = ["check_pickled", "describe_forest", "forest_state", "get_state", "read_forest_state", "set_state"]

_CRITERIA = {
    True: ("gini", "entropy"),
    False: ("squared_error", "poisson", "absolute_error"),
}


def forest_state(model):
    """Values and arrays that trees and forests have in common."""
    cart = model._cart
    values = {
        "criterion": cart.criterion,
        "explicit": cart.explicit,
        "n_outputs": cart.n_outputs,
        "n_features": model.n_features_in_,
        "random_seed": model._random_seed,
        "bins_mark": model._bins_mark,
    }
    arrays = {}
    for name, array in cart.arrays().items():
        if name == "nodes":  # a file holds plain numbers
            arrays |= {f"cart.nodes.{field}": array[field] for field in NODE.names}
        else:
            arrays["cart." + name] = array
    if is_classifier(model):
        classes = [model.classes_] if cart.n_outputs == 1 else model.classes_
        arrays |= {f"classes.{k}": known for k, known in enumerate(classes)}
    if hasattr(model, "feature_names_in_"):
        arrays["feature_names_in_"] = model.feature_names_in_
    if model._mapper is not None:
        arrays |= {"bins." + name: array for name, array in model._mapper.get_state().items()}
    arrays |= {"categories." + name: array for name, array in model._categories.get_state().items()}
    return values, arrays


def read_forest_state(model, state):
    """Check the common part of a state; returns the fitted attributes."""
    n_features = state.integer("n_features", minimum=1, maximum=2**28)
    n_outputs = state.integer("n_outputs", minimum=1, maximum=2**20)
    criterion = state.text("criterion", _CRITERIA[is_classifier(model)])
    if criterion != model._criterion():
        raise ModelFileError(f"the trees were grown by {criterion!r}, not by {model.criterion!r}")
    explicit = state.boolean("explicit")
    fitted = {
        "n_features_in_": n_features,
        "n_outputs_": n_outputs,
        "_random_seed": state.integer("random_seed", minimum=0, maximum=2**64 - 1),
        "_bins_mark": state.text("bins_mark"),
    }
    n_classes = None
    if is_classifier(model):
        classes = [_classes(state.array(f"classes.{k}", shape=(None,))) for k in range(n_outputs)]
        n_classes = tuple(known.size for known in classes)
        fitted["classes_"] = classes if n_outputs > 1 else classes[0]
        fitted["n_classes_"] = np.array(n_classes, dtype=np.intp) if n_outputs > 1 else n_classes[0]
    if "feature_names_in_" in state:
        fitted["feature_names_in_"] = _names(state.array("feature_names_in_", object, (n_features,)))
    bins = state.group("bins.")
    fitted["_mapper"] = BinMapper.from_state(bins) if bins else None
    is_categorical = None
    if bins:
        is_categorical = fitted["_mapper"].is_categorical_.astype(bool)
        if is_categorical.size != n_features or not is_categorical.any():
            raise ModelFileError("the bins must be those of all features, at least one of them categorical")
    fitted["is_categorical_"] = is_categorical
    fitted["_categories"] = CategoryEncoder.from_state(state.group("categories."), n_features)
    _check_categories(fitted["_categories"], fitted["_mapper"])
    fitted["_cart"] = _forest(state.group("cart."), criterion, n_classes, n_outputs, explicit, n_features)
    _check_sets(fitted["_cart"], is_categorical)
    return fitted


def check_pickled(model):
    """What the parts of a pickle, each checked where it was made, must have in common.

    Raises
    ------
    ModelFileError
        If the splits do not fit the features, or the leaves the outputs.
    """
    expected = None
    if is_classifier(model):
        expected = tuple(map(int, np.atleast_1d(model.n_classes_)))
    if (model._cart.n_classes, model._cart.n_outputs) != (expected, model.n_outputs_):
        raise ModelFileError("the trees must be those of the model's outputs and classes")
    used, is_categorical = model._cart.used_features(), model.is_categorical_
    if used.size and used[-1] >= model.n_features_in_:
        raise ModelFileError(f"a split is on feature {used[-1]} of {model.n_features_in_}")
    if is_categorical is not None:
        sizes = {is_categorical.size, model._mapper.n_features, model.n_features_in_}
        if len(sizes) > 1:
            raise ModelFileError(f"the bins must be those of all {model.n_features_in_} features")
    _check_categories(model._categories, model._mapper)
    _check_sets(model._cart, is_categorical)


def describe_forest(model, forest, **what):
    """Trees of a model as dumps, pictures and ONNX read them.

    Parameters
    ----------
    model : CartModel
        That knows their features.
    forest : CartForest
    **what
        Of `DescribedForest`, where the prediction is not the mean of the trees.

    Returns
    -------
    DescribedForest
    """
    names, classes = getattr(model, "feature_names_in_", None), None
    if is_classifier(model):
        classes = model.classes_ if model.n_outputs_ == 1 else None
    mean = {
        "divisor": float(len(forest)),
        "classes": classes,
        "output_names": None if classes is None else classes.tolist(),
        "link": None
        if is_classifier(model) and classes is None
        else Link("identity" if classes is None else "share"),
    }
    return DescribedForest(
        forest,
        mapper=model._mapper,
        feature_names=None if names is None else list(names),
        categories=category_labels(model._mapper, model._categories),
        labels=model._categories.categories_,
        **(what or mean),
    )


def get_state(model):
    """Fitted attributes of a tree as small values and arrays."""
    return forest_state(model)


def set_state(model, values, arrays):
    """Give an unfitted tree the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError, ValueError
        If a field is missing, unknown, of the wrong kind, or contradicts another.
    """
    state = StateReader(values, arrays)
    fitted = read_forest_state(model, state)
    state.finish()
    if len(fitted["_cart"]) != 1:
        raise ModelFileError(f"a tree model must have one tree, the file has {len(fitted['_cart'])}")
    vars(model).update(fitted)


def _forest(arrays, criterion, n_classes, n_outputs, explicit, n_features):
    fields = {}
    for field in NODE.names:
        name = f"nodes.{field}"
        if name not in arrays or arrays[name].ndim != 1 or arrays[name].dtype != NODE[field]:
            raise ModelFileError(f"the forest must have a vector {name!r} of {NODE[field]}")
        fields[field] = arrays.pop(name)
    if len({array.size for array in fields.values()}) != 1:
        raise ModelFileError("the fields of the nodes must be of equal length")
    nodes = np.empty(fields["right"].size, dtype=NODE)
    for field, array in fields.items():
        nodes[field] = array
    arrays["nodes"] = nodes
    forest = CartForest.from_arrays(arrays, criterion, n_classes, n_outputs, explicit, n_features)
    if len(forest) == 0:
        raise ModelFileError("the forest has no tree")
    return forest


def _check_sets(forest, is_categorical):
    """A set may only be asked about the code of a categorical feature, a threshold about a number."""
    what = forest.arrays()["nodes"]["feature"]
    what = what[what >= 0]
    is_set = (what & CATEGORIES) > 0
    expected = np.zeros(is_set.size, dtype=bool)
    if is_categorical is not None:
        expected = is_categorical[what & FEATURE]
    if not np.array_equal(is_set, expected):
        raise ModelFileError("splits by categories must be those on categorical features")


def _check_categories(categories, mapper):
    """Labels must belong to categorical features, and the bins must count in them."""
    for j, labels in categories.categories_.items():
        if mapper is None or not mapper.is_categorical_[j]:
            raise ModelFileError(f"feature {j} has labels, but is not categorical")
        used = np.concatenate([mapper.categories_[j], mapper.grouped_categories_[j]])
        if used.size and not (
            used.min() >= 0 and used.max() < len(labels) and (used == np.floor(used)).all()
        ):
            raise ModelFileError(f"the bins of feature {j} are not places in its list of labels")


def _classes(classes):
    distinct = {label for label in classes.tolist() if label == label}
    if classes.size == 0 or len(distinct) != classes.size:
        raise ModelFileError("classes must be distinct labels, at least one")
    return classes


def _names(names):
    if not all(isinstance(name, str) for name in names) or len(set(names)) != names.size:
        raise ModelFileError("feature_names_in_ must be distinct texts")
    return names
