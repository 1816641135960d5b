"""What an imported tree model writes to a file, and the checks before it believes one.

The same function makes a `TreeModel` of what an importer has read: a file of another library is as strange
as ours.
"""

from __future__ import annotations

import numpy as np

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.cart_node import NODE
from fastml._engine.tree.categories import CategoryEncoder
from fastml._engine.tree.forest import Forest
from fastml.io.described import DescribedForest
from fastml.io.errors import ModelFileError
from fastml.io.exchange.foreign import FEATURE_LIMIT
from fastml.io.exchange.links import Link
from fastml.io.state import StateReader

__all__ = ["describe_forest", "get_state", "set_state"]


def describe_forest(model):
    """The trees of a model as dumps, pictures and ONNX read them: `DescribedForest`."""
    by_value = isinstance(model._forest, CartForest)
    classes = getattr(model, "classes_", None)
    return DescribedForest(
        model._forest,
        mapper=model._mapper,
        planes=None if by_value else model._planes,
        feature_names=model.feature_names_,
        output_names=classes.tolist() if classes is not None and classes.size == model.n_outputs_ else None,
        labels=model._categories.categories_,
        baseline=model._baseline,
        divisor=model._divisor,
        link=model._link,
        classes=classes,
        numbers=model._numbers,
    )


def get_state(model):
    """A model as small values and arrays."""
    values = {
        "origin": model.origin_,
        "n_features": model.n_features_in_,
        "link": model._link.name,
        "link_scale": model._link.scale,
        "divisor": model._divisor,
        "by_value": isinstance(model._forest, CartForest),
    }
    arrays = {"planes": model._planes, "numbers": model._numbers, "baseline": model._baseline}
    if hasattr(model, "classes_"):
        arrays["classes"] = model.classes_
    if model.feature_names_ is not None:
        arrays["feature_names"] = np.array(model.feature_names_, dtype=object)
    if values["by_value"]:
        own = dict(model._forest.arrays())
        nodes = own.pop("nodes")
        own |= {f"nodes.{field}": np.ascontiguousarray(nodes[field]) for field in NODE.names}
        arrays |= {f"cart.{name}": array for name, array in own.items()}
    else:
        arrays |= {f"forest.{name}": array for name, array in model._forest.arrays().items()}
        arrays |= {f"bins.{name}": array for name, array in model._mapper.get_state().items()}
    arrays |= {f"categories.{name}": array for name, array in model._categories.get_state().items()}
    return values, arrays


def set_state(model, values, arrays):
    """Give an empty model the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError, ValueError
        If a field is missing, unknown, of the wrong kind, or contradicts another.
    """
    state = StateReader(values, arrays)
    n_features = state.integer("n_features", minimum=1, maximum=FEATURE_LIMIT)
    baseline = state.array("baseline", np.float64, (None,))
    if baseline.size == 0 or not np.isfinite(baseline).all():
        raise ModelFileError("baseline must have finite numbers, at least one")
    link = Link(state.text("link"), state.real("link_scale"))
    planes = _planes(state.array("planes", np.int32, (None,)), n_features)
    fitted = {
        "origin_": state.text("origin"),
        "n_features_in_": n_features,
        "_planes": planes,
        "_baseline": baseline,
        "_link": link,
        "_divisor": state.real("divisor", minimum=2.0**-64, maximum=2.0**64),
        "_numbers": state.array("numbers", np.int32, (None,)),
        "feature_names_": None,
        "_categories": CategoryEncoder.from_state(state.group("categories."), n_features),
    }
    if state.boolean("by_value"):
        fitted |= {"_forest": _cart(state.group("cart."), baseline.size, n_features), "_mapper": None}
        if planes.size != n_features:
            raise ModelFileError("trees that compare values must look at the features themselves")
    else:
        mapper = BinMapper.from_state(state.group("bins."))
        forest = Forest.from_arrays(state.group("forest."), mapper.n_codes_)
        if mapper.n_features != planes.size:
            raise ModelFileError(f"there are bins of {mapper.n_features} planes, but {planes.size} planes")
        if not np.array_equal(forest.baseline, baseline):
            raise ModelFileError("the baseline must be that of the forest")
        fitted |= {"_forest": forest, "_mapper": mapper}
    if fitted["_numbers"].size != fitted["_forest"].n_nodes:
        raise ModelFileError("there must be one number for each node")
    if "classes" in state:
        fitted["classes_"] = _classes(state.array("classes", shape=(None,)), link, baseline.size)
    if "feature_names" in state:
        names = state.array("feature_names", object, (n_features,)).tolist()
        if not all(isinstance(name, str) for name in names):
            raise ModelFileError("feature_names must be texts")
        fitted["feature_names_"] = names
    state.finish()
    vars(model).update(fitted)


def _planes(planes, n_features):
    if planes.size == 0 or planes.min() < 0 or planes.max() >= n_features:
        raise ModelFileError(f"planes must read features from 0 to {n_features - 1}, at least one")
    # `TreeModel` reads the table itself where the planes are its features
    if planes.size == n_features and not np.array_equal(planes, np.arange(n_features)):
        if planes[-1] == n_features - 1:
            raise ModelFileError("as many planes as features must be the features themselves")
    return planes


def _cart(arrays, width, n_features):
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
    forest = CartForest.from_arrays(
        {**arrays, "nodes": nodes}, "squared_error", None, width, False, n_features
    )
    if forest.arrays()["category_sets"].size:
        raise ModelFileError("trees that compare values have no categories")
    return forest


def _classes(classes, link, n_outputs):
    distinct = {label for label in classes.tolist() if label == label}
    if not link.gives_probabilities or len(distinct) != classes.size:
        raise ModelFileError("classes must be distinct labels of a model of classes")
    if classes.size != n_outputs + link.n_classes or (link.n_classes and n_outputs != 1):
        raise ModelFileError(f"there are {classes.size} classes, but {n_outputs} outputs")
    return classes
