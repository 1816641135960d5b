"""What an AdaBoost model writes to a file, and the checks before it believes one. See `fastml.tree.state`."""

from __future__ import annotations

import numpy as np

from fastml.ensemble.boosted_members import TreeMembers
from fastml.io.errors import ModelFileError
from fastml.io.exchange.links import Link
from fastml.io.state import StateReader
from fastml.tree.state import describe_forest as forest_view
from fastml.tree.state import forest_state, read_forest_state

__all__ = ["describe_forest", "get_state", "set_state"]


def describe_forest(model):
    """The trees of a model as dumps, pictures and ONNX read them: `DescribedForest`.

    Raises
    ------
    TypeError
        If the members are not trees of this library.
    """
    members, weights = model._members, model.estimator_weights_
    if not isinstance(members, TreeMembers):
        raise TypeError(
            f"the members of this {type(model).__name__} are {type(model.estimator_).__name__}: only trees "
            "of fastml.tree can be shown or exported"
        )
    if members.votes is None:
        own = {"member_weights": weights[: len(members)], "link": Link("identity")}
        return forest_view(members.tree, members.tree._cart, **own)
    n_classes = model.n_classes_
    link = Link("sigmoid") if n_classes == 2 else Link("shifted softmax", 1.0 / max(n_classes - 1, 1))
    divisor = weights.sum() / 2 if n_classes == 2 else weights.sum()
    names = model.classes_.tolist() if n_classes > 2 else None
    own = {"divisor": float(divisor), "link": link, "classes": model.classes_, "output_names": names}
    return forest_view(members.tree, members.votes, **own)


def get_state(model):
    """Fitted attributes as small values and arrays.

    Raises
    ------
    ModelFileError
        If the members are not trees of this library.
    """
    members = model._members
    if not isinstance(members, TreeMembers):
        raise ModelFileError(
            f"the members of this {type(model).__name__} are {type(model.estimator_).__name__}: only trees "
            "of fastml.tree (and no subclass of them) can be stored in a model file"
        )
    values, arrays = forest_state(members.tree)
    arrays["numbers"] = np.array(members.numbers, dtype=np.int64)
    arrays["estimator_weights_"] = model.estimator_weights_
    arrays["estimator_errors_"] = model.estimator_errors_
    if members.votes is not None:
        arrays["said"] = members.said()
    return values, arrays


def set_state(model, values, arrays):
    """Give an unfitted model the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError, ValueError
        If a field is missing, unknown, of the wrong kind, or contradicts another.
    """
    members = model._new_members()
    if not isinstance(members, TreeMembers):
        raise ModelFileError(f"the members must be trees, found {type(model.estimator_).__name__}")
    state = StateReader(values, arrays)
    tree = members.tree
    fitted = read_forest_state(tree, state)
    n_trees = len(fitted["_cart"])
    votes = state.array("estimator_weights_", np.float64, (model.n_estimators,))
    errors = state.array("estimator_errors_", np.float64, (model.n_estimators,))
    numbers = state.array("numbers", np.int64, (n_trees,))
    said = None
    if "classes_" in fitted:
        said = state.array("said", np.int32, (fitted["_cart"].n_nodes,))
        if said.min() < 0 or said.max() >= np.size(fitted["classes_"]):
            raise ModelFileError("a leaf votes for a class that is not there")
    state.finish()
    if fitted["n_outputs_"] != 1 or n_trees > model.n_estimators:
        raise ModelFileError(f"AdaBoost has one output and at most {model.n_estimators} trees")
    if not (np.isfinite(votes).all() and (votes >= 0).all() and np.isfinite(errors).all()):
        raise ModelFileError("votes must be finite and not negative, errors finite")
    if votes[n_trees:].any() or ("classes_" in fitted and not votes.any()):
        raise ModelFileError("there must be votes, and only of trees that are there")
    if numbers.min() < 0 or numbers.max() > np.iinfo(np.int32).max:
        raise ModelFileError("the random states of trees must be from 0 to 2**31 - 1")
    vars(tree).update(fitted)
    members.restore(numbers.tolist(), votes, said)
    for name in ("classes_", "n_classes_", "n_features_in_", "feature_names_in_"):
        if name in fitted:
            setattr(model, name, fitted[name])
    model.estimator_weights_, model.estimator_errors_ = votes, errors
    model._members = members
