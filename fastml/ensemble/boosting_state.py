"""What a boosting model writes to a file, and the checks before it believes one.

See `fastml.io.model_file` for the file. Everything here takes the state to come from a stranger: what passes
can neither make prediction read out of bounds nor leave the estimator half set.
"""

from __future__ import annotations

import numpy as np

from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.categories import CategoryEncoder
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.objective_log_link import LogLink
from fastml.io.described import DescribedForest, category_labels
from fastml.io.errors import ModelFileError
from fastml.io.exchange.links import Link
from fastml.io.state import StateReader

__all__ = ["check_pickled", "describe_forest", "get_state", "set_state"]

_NO_SCORES = np.empty(0)


def check_pickled(model):
    """What the parts of a pickle, each checked where it was made, must have in common.

    Raises
    ------
    ModelFileError
        If the splits do not fit the features, or the trees the outputs.
    """
    if model._forest.n_outputs != model._objective.n_outputs:
        raise ModelFileError(
            f"the forest has {model._forest.n_outputs} outputs, the loss has {model._objective.n_outputs}"
        )
    n_features, top = model._bin_mapper.n_features, model._forest.max_feature
    if not top < n_features == model.n_features_in_:
        raise ModelFileError(
            f"a split is on feature {top}, there are bins of {n_features} features, the model has "
            f"{model.n_features_in_}"
        )
    _check_categories(model._categories, model._bin_mapper)


def get_state(model):
    """Fitted attributes of a model as small values and arrays.

    Raises
    ------
    ModelFileError
        If the model predicts with a function of the user: a file cannot hold it.
    """
    if hasattr(model._objective_spec["loss"], "inverse_link"):
        raise ModelFileError(
            "the custom loss has its own inverse_link, which prediction needs and a file cannot hold; use "
            "pickle, or fit without it and transform the predictions yourself"
        )
    values = {
        "objective": model._objective_spec,
        "random_seed": model._random_seed,
        "do_early_stopping_": model.do_early_stopping_,
        "evals_result_": getattr(model, "evals_result_", {}),
    }
    arrays = {name: _scores(model, name) for name in ("train_score_", "validation_score_")}
    for name in ("classes_", "feature_names_in_"):
        if hasattr(model, name):
            arrays[name] = getattr(model, name)
    for prefix, part in (
        ("forest.", model._forest.arrays()),
        ("bins.", model._bin_mapper.get_state()),
        ("categories.", model._categories.get_state()),
    ):
        arrays |= {prefix + name: array for name, array in part.items()}
    return values, arrays


def _scores(model, name):
    """Scores by round; none while the fit that records them is still under way (in a callback)."""
    scores = getattr(model, name, _NO_SCORES)
    return scores if scores.size <= model.n_iter_ + 1 else _NO_SCORES


def set_state(model, values, arrays):
    """Give an unfitted model the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError, ValueError
        If a field is missing, unknown, of the wrong kind, or contradicts another.
    """
    state = StateReader(values, arrays)
    bins = BinMapper.from_state(state.group("bins."), n_threads=resolve_n_jobs(model.n_jobs))
    n_features = bins.n_codes_.size
    categories = CategoryEncoder.from_state(state.group("categories."), n_features)
    _check_categories(categories, bins)
    fitted = {
        "n_features_in_": n_features,
        "_bin_mapper": bins,
        "_categories": categories,
        "is_categorical_": bins.is_categorical_.astype(bool) if bins.is_categorical_.any() else None,
        "do_early_stopping_": state.boolean("do_early_stopping_"),
        "evals_result_": _evals_result(state.value("evals_result_")),
        "_random_seed": state.integer("random_seed", minimum=0, maximum=2**32 - 1),
        "_objective_spec": state.value("objective"),
    }
    if "feature_names_in_" in state:
        fitted["feature_names_in_"] = _names(state.array("feature_names_in_", object, (n_features,)))
    if "classes_" in state:
        fitted["classes_"] = _classes(state.array("classes_", shape=(None,)))
    objective = model._checked_objective(fitted["_objective_spec"], fitted.get("classes_"))
    forest = _forest(state.group("forest."), bins.n_codes_, objective.n_outputs)
    fitted |= {"_objective": objective, "_forest": forest, "n_trees_per_iteration_": forest.n_outputs}
    for name in ("train_score_", "validation_score_"):
        fitted[name] = state.array(name, np.float64, (None,))
        if fitted[name].size > forest.n_trees // forest.n_outputs + 1:
            raise ModelFileError(f"{name} has {fitted[name].size} entries, more than the model has rounds")
    state.finish()
    vars(model).update(fitted)


def _forest(arrays, n_codes, n_outputs):
    forest = Forest.from_arrays(arrays, n_codes)
    if forest.n_outputs != n_outputs:
        raise ModelFileError(f"the forest has {forest.n_outputs} outputs, the loss has {n_outputs}")
    order = np.asarray([forest.output_of(i) for i in range(forest.n_trees)])
    if (
        forest.n_trees == 0
        or forest.n_trees % n_outputs
        or (order != np.arange(order.size) % n_outputs).any()
    ):
        raise ModelFileError("the forest is not made of whole rounds with one tree for each output")
    return forest


def _check_categories(categories, bins):
    """Labels must belong to categorical features, and the bins must count in them."""
    for j, labels in categories.categories_.items():
        if not bins.is_categorical_[j]:
            raise ModelFileError(f"feature {j} has labels, but is not categorical")
        used = np.concatenate([bins.categories_[j], bins.grouped_categories_[j]])
        if used.size and not (
            used.min() >= 0 and used.max() < len(labels) and (used == np.floor(used)).all()
        ):
            raise ModelFileError(f"the bins of feature {j} are not places in its list of labels")


def _classes(classes):
    distinct = {label for label in classes.tolist() if label == label}
    if classes.size == 0 or len(distinct) != classes.size:
        raise ModelFileError("classes_ must be distinct labels, at least one")
    return classes


def _names(names):
    if not all(isinstance(name, str) for name in names) or len(set(names)) != names.size:
        raise ModelFileError("feature_names_in_ must be distinct texts")
    return names


def _evals_result(result):
    valid = isinstance(result, dict) and all(
        isinstance(name, str)
        and isinstance(metrics, dict)
        and all(
            isinstance(metric, str) and isinstance(history, list) and all(type(v) is float for v in history)
            for metric, history in metrics.items()
        )
        for name, metrics in result.items()
    )
    if not valid:
        raise ModelFileError("evals_result_ must be a dict of dicts of lists of floats")
    return result


def describe_forest(model):
    """The trees of a model as dumps, pictures and ONNX read them: `DescribedForest`."""
    names = getattr(model, "feature_names_in_", None)
    forest, objective = model._forest, model._objective
    link = None
    if not hasattr(model._objective_spec["loss"], "inverse_link"):
        kind = "exp" if isinstance(objective, LogLink) else "identity"
        if objective.n_classes is not None:
            kind = "sigmoid" if forest.n_outputs == 1 else "softmax"
        link = Link(kind)
    return DescribedForest(
        forest,
        mapper=model._bin_mapper,
        feature_names=None if names is None else list(names),
        output_names=model.classes_.tolist() if forest.n_outputs > 1 else None,
        categories=category_labels(model._bin_mapper, model._categories),
        labels=model._categories.categories_,
        link=link,
        classes=getattr(model, "classes_", None),
    )
