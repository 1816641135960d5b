"""What a hidden Markov model writes to a file, and the checks before it believes one."""

from __future__ import annotations

import numpy as np

from fastml.io.errors import ModelFileError
from fastml.io.state import StateReader

__all__ = ["get_state", "set_state"]


def _names(model):
    return [
        "_covars_" if name == "covars_" and "_covars_" in vars(model) else name
        for name in model._letters.values()
    ]


def get_state(model):
    """Parameters as arrays, and the statistics that a following `partial_fit` goes on from."""
    values = {"n_features_in_": int(model.n_features_in_)}
    if hasattr(model, "n_features") and "n_features" not in model.get_params():
        values["n_features"] = int(model.n_features)
    arrays = {name.strip("_"): np.ascontiguousarray(getattr(model, name)) for name in _names(model)}
    if hasattr(model, "feature_names_in_"):
        arrays["feature_names_in"] = model.feature_names_in_
    stepped = vars(model).get("_stepped")
    if stepped is not None:
        values |= {"batches": stepped["batches"], "seen": stepped["seen"]}
        arrays |= {f"statistics.{name}": value for name, value in stepped["mean"].items()}
        if model._origin is not None:
            arrays["statistics.origin"] = np.asarray(model._origin)
    return values, arrays


def set_state(model, values, arrays):
    """Give an unfitted model the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError, ValueError
        If a field is missing, unknown, of the wrong kind or shape, or not finite.
    """
    state = StateReader(values, arrays)
    model.n_features_in_ = state.integer("n_features_in_", minimum=1)
    if "n_features" in state:
        model.n_features = state.integer("n_features", minimum=1)
    for name in model._letters.values():
        array = state.array(name.strip("_"))
        if array.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
            raise ModelFileError(f"{name} must be finite floats")
        setattr(model, name, array)
    if "feature_names_in" in state:
        model.feature_names_in_ = state.array("feature_names_in", None, (model.n_features_in_,))
    steps = None
    if "batches" in state:
        steps = {"batches": state.integer("batches", minimum=1), "seen": state.real("seen", minimum=0)}
    statistics = state.group("statistics.")
    state.finish()
    model._check()
    if steps is not None:
        _set_steps(model, steps, statistics)
    elif statistics:
        raise ModelFileError("there are statistics, but not of how many batches")


def _set_steps(model, steps, statistics):
    """What the next `partial_fit` goes on from."""
    n = model.n_components
    shapes = {"trans": (n, n), "start": (n,), "post": (n,), **model._shapes_of_statistics()}
    if statistics.keys() != shapes.keys():
        raise ModelFileError(f"the statistics must be {sorted(shapes)}, found {sorted(statistics)}")
    for name, shape in shapes.items():
        array = statistics[name]
        if array.dtype != np.float64 or array.shape != shape or not np.isfinite(array).all():
            raise ModelFileError(f"the statistics {name!r} must be finite float64 of shape {shape}")
    for name in ("trans", "start", "post"):
        if (statistics[name] < 0).any():
            raise ModelFileError(f"the statistics {name!r} must not be negative")
    model._origin = statistics.pop("origin", None)
    model._stepped = steps | {"mean": statistics}
