"""What a topic model writes to a file, and the checks before it believes one.

See `fastml.io.model_file` for the file. Everything here takes the state to come from a stranger.
"""

from __future__ import annotations

import numpy as np

from fastml.io.errors import ModelFileError
from fastml.io.state import StateReader

__all__ = ["get_state", "set_state"]


def get_state(model):
    """Fitted attributes as small values and arrays."""
    bound = getattr(model, "bound_", None)
    values = {
        "n_features": model.n_features_in_,
        "topic_word_prior": float(model.topic_word_prior_),
        "n_batch_iter": model.n_batch_iter_,
        "n_iter": model.n_iter_,
        "bound": None if bound is None or not np.isfinite(bound) else bound,
    }
    arrays = {
        "components": np.ascontiguousarray(model.components_),
        "doc_topic_prior": np.atleast_1d(np.asarray(model.doc_topic_prior_, dtype=np.float64)),
    }
    if hasattr(model, "feature_names_in_"):
        arrays["feature_names_in_"] = model.feature_names_in_
    return values, arrays


def set_state(model, values, arrays):
    """Give an unfitted model the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError
        If a field is missing, unknown, of the wrong kind, or contradicts another.
    """
    state = StateReader(values, arrays)
    n_features = state.integer("n_features", minimum=1, maximum=2**31 - 1)
    fitted = {
        "n_features_in_": n_features,
        "topic_word_prior_": state.real("topic_word_prior", minimum=0.0),
        "n_batch_iter_": state.integer("n_batch_iter", minimum=1, maximum=2**62),
        "n_iter_": state.integer("n_iter", minimum=0, maximum=2**62),
    }
    bound = state.value("bound")
    if bound is not None:
        if type(bound) is not float or not np.isfinite(bound):
            raise ModelFileError(f"bound must be a finite number or null, found {bound!r:.80}")
        fitted["bound_"] = bound
    components = state.array("components", shape=(model.n_components, n_features))
    if components.dtype not in (np.float32, np.float64):
        raise ModelFileError(f"components must be float32 or float64, found {components.dtype}")
    fitted["components_"] = _finite("components", components)
    prior = _finite("doc_topic_prior", state.array("doc_topic_prior", np.float64, (None,)))
    if prior.size not in (1, model.n_components):
        raise ModelFileError(f"doc_topic_prior must have 1 or {model.n_components} numbers, not {prior.size}")
    is_one = prior.size == 1 and not isinstance(model.doc_topic_prior, (str, list, np.ndarray))
    fitted["doc_topic_prior_"] = float(prior[0]) if is_one else prior
    if "feature_names_in_" in state:
        names = state.array("feature_names_in_", object, (n_features,))
        if not all(isinstance(name, str) for name in names) or len(set(names)) != names.size:
            raise ModelFileError("feature_names_in_ must be distinct texts")
        fitted["feature_names_in_"] = names
    state.finish()
    vars(model).update(fitted)


def _finite(name, array):
    if not np.isfinite(array).all() or (array < 0).any():
        raise ModelFileError(f"{name} must hold finite numbers, not negative")
    return array
