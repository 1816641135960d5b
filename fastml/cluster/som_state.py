"""What a self-organising map writes to a file, and the checks before it believes one.

Everything here takes the state to come from a stranger. What is about the rows of the fit (`bmu_`, `labels_`)
is not stored; `winners` and `predict` tell it again.
"""

from __future__ import annotations

import numpy as np

from fastml.cluster.som_rows import check_feature_weight
from fastml.cluster.som_training import MapStatistics
from fastml.io.errors import ModelFileError
from fastml.io.state import StateReader

__all__ = ["get_state", "map_arrays", "read_map", "set_state"]

_SUMS = ("weights", "sums", "offset")


def map_arrays(model):
    """Values and arrays that all maps of one grid have in common."""
    values = {
        "n_features": model.n_features_in_,
        "n_iter": model.n_iter_,
        "n_calls": model._n_calls,
    }
    arrays = {"codebook": model.codebook_, "hits": model.hits_, "errors": model.errors_}
    if hasattr(model, "feature_names_in_"):
        arrays["feature_names_in_"] = model.feature_names_in_
    kept = model._statistics
    if kept is not None:
        values["statistics_error"] = float(kept.error)
        arrays |= {f"statistics.{name}": getattr(kept, name) for name in _SUMS}
    return values, arrays


def read_map(model, state, n_targets=0):
    """Check the common part of a state; returns the fitted attributes.

    The statistics are those of the features and of `n_targets` targets behind them.

    Raises
    ------
    ModelFileError
        If a field is missing, of the wrong kind, not finite, or contradicts a parameter.
    """
    n_features = state.integer("n_features", minimum=1, maximum=2**31 - 1)
    shape = (model.n_rows, model.n_columns)
    model.grid_  # noqa: B018 -- refuses parameters that do not go together
    codebook = state.array("codebook", None, (shape[0] * shape[1], n_features))
    if codebook.dtype not in (np.float32, np.float64):
        raise ModelFileError(f"the codebook must be float32 or float64, found {codebook.dtype}")
    fitted = {
        "n_features_in_": n_features,
        "n_iter_": state.integer("n_iter", minimum=1, maximum=2**53),
        "_n_calls": state.integer("n_calls", minimum=0, maximum=2**53),
        "codebook_": np.ascontiguousarray(codebook),
        "hits_": state.array("hits", np.float64, shape),
        "errors_": state.array("errors", np.float64, (None,)),
        "_statistics": _statistics(state, (len(codebook), n_features + n_targets))
        if "statistics_error" in state
        else None,
        "_feature_weight": check_feature_weight(model.feature_weight, n_features),
    }
    if not (np.isfinite(codebook).all() and np.isfinite(fitted["hits_"]).all()):
        raise ModelFileError("the codebook and the hits must be finite")
    if (fitted["hits_"] < 0).any() or not np.isfinite(fitted["errors_"]).all():
        raise ModelFileError("hits must not be negative, errors must be finite")
    if "feature_names_in_" in state:
        names = state.array("feature_names_in_", object, (n_features,))
        if not all(isinstance(name, str) for name in names) or len(set(names)) != names.size:
            raise ModelFileError("feature_names_in_ must be distinct texts")
        fitted["feature_names_in_"] = names
    return fitted


def _statistics(state, shape):
    """What the next `partial_fit` goes on from: `MapStatistics`."""
    error = state.real("statistics_error")
    weights = state.array("statistics.weights", np.float64)
    if weights.shape not in (shape[:1], shape):  # by feature, too, once a value was missing
        raise ModelFileError(
            f"statistics.weights must have shape {shape[:1]} or {shape}, not {weights.shape}"
        )
    sums = state.array("statistics.sums", np.float64, shape)
    offset = state.array("statistics.offset", np.float64, shape[1:])
    if not all(np.isfinite(array).all() for array in (weights, sums, offset)) or (weights < 0).any():
        raise ModelFileError("the statistics must be finite, their weights not negative")
    return MapStatistics(weights, sums, offset, error)


def get_state(model):
    """Fitted attributes of a map as small values and arrays."""
    values, arrays = map_arrays(model)
    arrays["regions"] = model.region_labels_
    return values, arrays


def set_state(model, values, arrays):
    """Give an unfitted map the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError, ValueError
        If a field is missing, unknown, of the wrong kind, or contradicts another.
    """
    state = StateReader(values, arrays)
    fitted = read_map(model, state)
    fitted["region_labels_"] = state.array("regions", np.int32, (len(fitted["codebook_"]),))
    state.finish()
    vars(model).update(fitted)
