"""What a forest writes to a file, and the checks before it believes one. See `fastml.tree.state`."""

from __future__ import annotations

import numpy as np

from fastml.ensemble.leaf_targets import LeafTargets
from fastml.io.errors import ModelFileError
from fastml.io.state import StateReader
from fastml.tree.state import forest_state, read_forest_state

__all__ = ["get_state", "set_state"]

_OUT_OF_BAG = ("oob_decision_function_", "oob_prediction_")


def get_state(model):
    """Fitted attributes of a forest as small values and arrays."""
    values, arrays = forest_state(model)
    values |= {
        "n_samples": model._n_samples,
        "n_draws": model._n_samples_bootstrap,
        "n_split_trees": model._n_split_trees,
    }
    arrays["importance_sum"] = model._importance_sum
    if model._sample_weight is not None:
        arrays["sample_weight"] = model._sample_weight
    if hasattr(model, "oob_score_") and isinstance(model.oob_score_, (int, float, np.number)):
        values["oob_score_"] = float(model.oob_score_)
        arrays |= {name: getattr(model, name) for name in _OUT_OF_BAG if hasattr(model, name)}
    kept = getattr(model, "_leaf_targets", None)
    if kept is not None:
        arrays |= {f"leaf_targets.{name}": getattr(kept, name) for name in LeafTargets.ARRAYS}
    return values, arrays


def set_state(model, values, arrays):
    """Give an unfitted forest the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError, ValueError
        If a field is missing, unknown, of the wrong kind, or contradicts another.
    """
    state = StateReader(values, arrays)
    fitted = read_forest_state(model, state)
    n_samples = state.integer("n_samples", minimum=1, maximum=2**31 - 1)
    n_draws = state.value("n_draws")
    if n_draws is not None and not (type(n_draws) is int and 1 <= n_draws < 2**63):
        raise ModelFileError(f"n_draws must be a positive integer or null, found {n_draws!r:.80}")
    fitted |= {
        "_n_samples": n_samples,
        "_n_samples_bootstrap": n_draws,
        "_n_split_trees": state.integer("n_split_trees", minimum=0, maximum=len(fitted["_cart"])),
        "_importance_sum": state.array("importance_sum", np.float64, (fitted["n_features_in_"],)),
        "_sample_weight": None,
        "_leaf_targets": None,
    }
    if not np.isfinite(fitted["_importance_sum"]).all():
        raise ModelFileError("importance_sum must be finite")
    if "sample_weight" in state:
        weight = state.array("sample_weight", np.float64, (n_samples,))
        if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
            raise ModelFileError("sample_weight must be finite, not negative and not all zero")
        fitted["_sample_weight"] = weight
    if "oob_score_" in state:
        fitted["oob_score_"] = state.real("oob_score_")
    for name in _OUT_OF_BAG:
        if name in state:
            array = state.array(name, np.float64)
            if array.ndim == 0 or len(array) != n_samples:
                raise ModelFileError(f"{name} must have {n_samples} rows, found shape {array.shape}")
            fitted[name] = array
    kept = state.group("leaf_targets.")
    if kept:
        fitted["_leaf_targets"] = LeafTargets.from_arrays(kept, fitted["_cart"])
    state.finish()
    vars(model).update(fitted)
