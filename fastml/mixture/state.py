"""What a mixture writes to a file, and the checks before it believes one.

See `fastml.io.model_file` for the file. Everything here takes the state to come from a stranger.
"""

from __future__ import annotations

import numpy as np

from fastml.io.errors import ModelFileError
from fastml.io.state import StateReader
from fastml.mixture.covariances import check_precisions, precisions_of, shape_of
from fastml.mixture.priors import Prior
from fastml.mixture.statistics import Statistics

__all__ = ["get_state", "set_state"]

_POINT = ("weights_", "means_", "covariances_", "precisions_cholesky_")
_POSTERIOR = ("mean_precision_",)
_SUMS = ("weight", "first", "second")
_PRIORS = ("weight_concentration_prior_", "mean_precision_prior_", "degrees_of_freedom_prior_")


def get_state(model):
    """Fitted attributes as small values and arrays."""
    values = {
        "converged_": bool(model.converged_),
        "n_iter_": int(model.n_iter_),
        "lower_bound_": float(model.lower_bound_),
    }
    arrays = {name: getattr(model, name) for name in _POINT}
    arrays["lower_bounds_"] = np.array(model.lower_bounds_, dtype=np.float64)
    if hasattr(model, "feature_names_in_"):
        arrays["feature_names_in_"] = model.feature_names_in_
    if vars(model).get("_stream") is not None:
        stats, shift, batches = model._stream
        values |= {
            "stream_batches": batches,
            "stream_rows": stats.n_rows,
            "stream_weight": stats.total_weight,
        }
        arrays |= {f"stream.{name}": getattr(stats, name) for name in _SUMS} | {"stream.shift": shift}
        prior = vars(model).get("_prior")
        if prior is not None:
            values |= {f"prior_{name}": getattr(prior, name) for name in ("concentration", "precision")}
            arrays["stream.prior_mean"] = prior.mean
            if prior.scale is not None:
                values["prior_freedom"] = prior.freedom
                arrays["stream.prior_scale"] = np.atleast_1d(prior.scale)
    if hasattr(model, "weight_concentration_prior_"):
        values |= {name: float(getattr(model, name)) for name in _PRIORS}
        arrays |= {name: getattr(model, name) for name in _POSTERIOR}
        concentration = model.weight_concentration_
        both = concentration if isinstance(concentration, tuple) else (concentration,)
        arrays["weight_concentration_"] = np.stack(both)
        arrays["degrees_of_freedom_"] = np.atleast_1d(model.degrees_of_freedom_)
        arrays["mean_prior_"] = model.mean_prior_
        arrays["covariance_prior_"] = np.atleast_1d(np.asarray(model.covariance_prior_, dtype=np.float64))
    return values, arrays


def set_state(model, values, arrays):
    """Give an unfitted model the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError
        If a field is missing, unknown, of the wrong kind or shape, not finite, or contradicts another.
    """
    state = StateReader(values, arrays)
    k, kind = model.n_components, model.covariance_type
    fitted = {
        "converged_": state.boolean("converged_"),
        "n_iter_": state.integer("n_iter_", minimum=0),
    }
    bound = state.value("lower_bound_")
    if type(bound) is not float or bound != bound:
        raise ModelFileError(f"lower_bound_ must be a number, found {bound!r:.80}")
    fitted["lower_bound_"] = bound
    means = state.array("means_", shape=(k, None))
    dtype, d = means.dtype, means.shape[1]
    if dtype not in (np.float32, np.float64) or d < 1:
        raise ModelFileError(f"means_ must hold float32 or float64 of at least one feature, found {dtype}")
    fitted["means_"] = _finite(means, "means_")
    fitted["weights_"] = _finite(state.array("weights_", dtype, (k,)), "weights_")
    if (fitted["weights_"] < 0).any() or not 0 < fitted["weights_"].sum() < np.inf:
        raise ModelFileError("weights_ must not be negative, and not all zero")
    shape = shape_of(kind, k, d)
    for name in ("covariances_", "precisions_cholesky_"):
        fitted[name] = _finite(state.array(name, dtype, shape), name)
        _positive(fitted[name], kind, name)
    fitted["precisions_"] = precisions_of(fitted["precisions_cholesky_"], kind)
    bounds = _finite(state.array("lower_bounds_", np.float64, (None,)), "lower_bounds_")
    if len(bounds) != fitted["n_iter_"]:
        raise ModelFileError(
            f"lower_bounds_ must have n_iter_ = {fitted['n_iter_']} entries, found {len(bounds)}"
        )
    fitted["lower_bounds_"] = bounds.tolist()
    if "feature_names_in_" in state:
        names = state.array("feature_names_in_", object, (d,))
        if not all(isinstance(name, str) for name in names) or len(set(names)) != d:
            raise ModelFileError("feature_names_in_ must be distinct texts")
        fitted["feature_names_in_"] = names
    if hasattr(model, "weight_concentration_prior_type"):
        fitted |= _posterior(model, state, dtype, d)
    fitted["_stream"] = _stream(state, kind, k, d, dtype) if "stream_batches" in state else None
    if "prior_concentration" in state:
        fitted["_prior"] = _prior(state, kind, d)
    state.finish()
    fitted["n_features_in_"] = d
    vars(model).update(fitted)


def _stream(state, kind, k, d, dtype):
    """What the next `partial_fit` goes on from."""
    batches = state.integer("stream_batches", minimum=0)
    n_rows = state.integer("stream_rows", minimum=1)
    total = state.real("stream_weight", minimum=np.finfo(np.float64).tiny)
    second = {"full": (k, d, d), "tied": (d, d)}.get(kind, (k, d))
    sums = [
        _finite(state.array(f"stream.{name}", np.float64, shape), f"stream.{name}")
        for name, shape in zip(_SUMS, ((k,), (k, d), second), strict=True)
    ]
    if (sums[0] < 0).any():
        raise ModelFileError("stream.weight must not be negative")
    shift = _finite(state.array("stream.shift", dtype, (d,)), "stream.shift")
    return Statistics(kind, *sums, total, n_rows), shift, batches


def _prior(state, kind, d):
    """The prior under which `partial_fit` goes on: it may be of rows that are gone."""
    concentration = state.real("prior_concentration", minimum=1)
    precision = state.real("prior_precision", minimum=0)
    mean = _finite(state.array("stream.prior_mean", np.float64, (d,)), "stream.prior_mean")
    if "prior_freedom" not in state:
        return Prior(kind, concentration, precision, mean, None, None)
    is_matrix = kind in ("full", "tied")
    freedom = state.real("prior_freedom", minimum=d - 1 if is_matrix else 0)
    shape = {"diag": (d,), "spherical": (1,)}.get(kind, (d, d))
    scale = _finite(state.array("stream.prior_scale", np.float64, shape), "stream.prior_scale")
    try:
        check_precisions(scale, "diag" if kind == "spherical" else kind, "stream.prior_scale")
    except ValueError as error:
        raise ModelFileError(str(error)) from None
    return Prior(kind, concentration, precision, mean, freedom, scale[0] if kind == "spherical" else scale)


def _posterior(model, state, dtype, d):
    """What a Bayesian mixture has besides."""
    k, kind = model.n_components, model.covariance_type
    fitted = {name: state.real(name, minimum=1e-300) for name in _PRIORS}
    process = model.weight_concentration_prior_type == "dirichlet_process"
    concentration = state.array("weight_concentration_", dtype, (2 if process else 1, k))
    precision = state.array("mean_precision_", dtype, (k,))
    freedom = state.array("degrees_of_freedom_", dtype, (1 if kind == "tied" else k,))
    for name, array in (("weight_concentration_", concentration), ("mean_precision_", precision)):
        if not (_finite(array, name) > 0).all():
            raise ModelFileError(f"{name} must be positive")
    if not (_finite(freedom, "degrees_of_freedom_") > d - 1).all():
        raise ModelFileError(f"degrees_of_freedom_ must be greater than {d - 1}")
    fitted["weight_concentration_"] = tuple(concentration) if process else concentration[0]
    fitted["mean_precision_"] = precision
    fitted["degrees_of_freedom_"] = freedom[0] if kind == "tied" else freedom
    fitted["mean_prior_"] = _finite(state.array("mean_prior_", np.float64, (d,)), "mean_prior_")
    shape = {"full": (d, d), "tied": (d, d), "diag": (d,), "spherical": (1,)}[kind]
    prior = _finite(state.array("covariance_prior_", np.float64, shape), "covariance_prior_")
    fitted["covariance_prior_"] = float(prior[0]) if kind == "spherical" else prior
    return fitted


def _finite(array, name):
    if not np.isfinite(array).all():
        raise ModelFileError(f"{name} must be finite")
    return array


def _positive(array, kind, name):
    """Variances, and diagonals of matrices, must be positive."""
    diagonal = np.diagonal(array, axis1=-2, axis2=-1) if kind in ("full", "tied") else array
    if not (diagonal > 0).all():
        raise ModelFileError(f"{name} must be positive")
