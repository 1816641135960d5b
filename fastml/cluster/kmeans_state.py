"""What a k-means model writes to a file, and the checks before it believes one."""

from __future__ import annotations

import numpy as np

from fastml.io.errors import ModelFileError
from fastml.io.state import StateReader

__all__ = ["get_state", "set_state"]

_WHOLE = ("n_iter_", "n_steps_", "_n_since_last_reassign", "_batch_size")
_MERSENNE = 624  # words of the generator's state


def get_state(model):
    """Fitted attributes as small values and arrays."""
    values = {"inertia": float(model.inertia_)} if hasattr(model, "inertia_") else {}
    arrays = {"cluster_centers_": np.ascontiguousarray(model.cluster_centers_)}
    for name in _WHOLE:
        if hasattr(model, name):
            values[name] = int(getattr(model, name))
    for name in ("labels_", "_counts", "feature_names_in_"):
        if hasattr(model, name):
            arrays[name] = getattr(model, name)
    if hasattr(model, "_random_state") and model.random_state is not None:
        _, arrays["random.words"], *rest = model._random_state.get_state()
        values["random.place"], has_normal, normal = rest
        values["random.normal"] = float(normal) if has_normal else None
    return values, arrays


def set_state(model, values, arrays):
    """Give an unfitted model the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError
        If a field is missing, unknown, of the wrong kind, or contradicts another.
    """
    state = StateReader(values, arrays)
    centers = state.array("cluster_centers_", shape=(model.n_clusters, None))
    if (
        centers.dtype not in (np.float32, np.float64)
        or centers.shape[1] < 1
        or not np.isfinite(centers).all()
    ):
        raise ModelFileError(
            "cluster_centers_ must be finite float32 or float64 numbers of at least one feature"
        )
    fitted = {"cluster_centers_": centers, "n_features_in_": centers.shape[1]}
    if "inertia" in state:
        fitted["inertia_"] = state.real("inertia", minimum=0)
    for name in _WHOLE:
        if name in state:
            fitted[name] = state.integer(name, minimum=int(name == "_batch_size"))
    if "labels_" in state:
        labels = state.array("labels_", np.int32, (None,))
        if len(labels) and not (labels.min() >= 0 and labels.max() < len(centers)):
            raise ModelFileError("a label in labels_ is not the number of a centre")
        fitted["labels_"] = labels
    if "_counts" in state:
        # by feature, too, once a value was missing
        shape = (len(centers),) if arrays["_counts"].ndim == 1 else centers.shape
        counts = state.array("_counts", np.float64, shape)
        if not (np.isfinite(counts).all() and (counts >= 0).all()):
            raise ModelFileError("_counts must be finite and not negative")
        fitted["_counts"] = counts
    if "feature_names_in_" in state:
        names = state.array("feature_names_in_", object, (centers.shape[1],))
        if len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
            raise ModelFileError("feature_names_in_ must be distinct texts")
        fitted["feature_names_in_"] = names
    if "random.place" in state:
        fitted["_random_state"] = _generator(state)
    state.finish()
    vars(model).update(fitted)


def _generator(state):
    """Where the random numbers of `partial_fit` go on."""
    words = state.array("random.words", np.uint32, (_MERSENNE,))
    place = state.integer("random.place", minimum=0, maximum=_MERSENNE)
    normal = state.value("random.normal")
    if normal is not None and (type(normal) is not float or not np.isfinite(normal)):
        raise ModelFileError(f"random.normal must be a finite number or null, found {normal!r:.80}")
    generator = np.random.RandomState()
    generator.set_state(("MT19937", words, place, int(normal is not None), normal or 0.0))
    return generator
