"""How many components, and which type of covariance."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Bunch

from fastml.mixture.gaussian_mixture import GaussianMixture

__all__ = ["select_mixture"]


def select_mixture(
    X,
    n_components=range(1, 10),
    covariance_types=("full", "tied", "diag", "spherical"),
    *,
    criterion="bic",
    estimator=None,
    sample_weight=None,
    verbose=0,
):
    """Fit mixtures of several sizes and types; the one of the least BIC (or AIC) is the choice [1]_.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    n_components : iterable of int, default=range(1, 10)
    covariance_types : iterable of str, default=("full", "tied", "diag", "spherical")
    criterion : {"bic", "aic"}, default="bic"
    estimator : GaussianMixture, optional
        What is cloned, with all its other parameters.
    sample_weight : array-like of shape (n_samples,), optional
    verbose : int, default=0
        1: a line for each mixture.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        ``best_``, the fitted mixture; ``n_components`` and ``covariance_types``, what was tried; ``scores``,
        float64 array of shape (types, numbers of components), infinite where a component collapsed;
        ``failures``, dict of (type, number) to what went wrong; ``criterion``.

    Raises
    ------
    ValueError
        If there is nothing to try, the criterion is unknown, or no mixture could be fitted.

    References
    ----------
    .. [1] G. Schwarz. "Estimating the dimension of a model." The Annals of Statistics 6 (1978) 461-464.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.mixture import select_mixture
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(200, 2)), 6 + rng.normal(size=(200, 2))])
    >>> choice = select_mixture(X, range(1, 5))
    >>> choice.best_.n_components
    2
    """
    sizes, types = [int(k) for k in n_components], list(covariance_types)
    if not sizes or not types:
        raise ValueError("n_components and covariance_types must not be empty")
    if criterion not in ("bic", "aic"):
        raise ValueError(f"criterion must be 'bic' or 'aic', got {criterion!r}")
    estimator = GaussianMixture() if estimator is None else estimator
    scores, failures, best, least = np.full((len(types), len(sizes)), np.inf), {}, None, np.inf
    for t, covariance_type in enumerate(types):
        for s, k in enumerate(sizes):
            model = clone(estimator).set_params(n_components=k, covariance_type=covariance_type)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    model.fit(X, sample_weight=sample_weight)
            except ValueError as error:
                if "ill-defined" not in str(error):
                    raise
                failures[covariance_type, k] = str(error)
                continue
            scores[t, s] = getattr(model, criterion)(X, sample_weight=sample_weight)
            if verbose:
                print(f"{covariance_type}, {k} components: {criterion} {scores[t, s]:.6g}", flush=True)
            if scores[t, s] < least:
                best, least = model, scores[t, s]
    if best is None:
        raise ValueError(f"no mixture could be fitted: {next(iter(failures.values()))}")
    return Bunch(
        best_=best,
        n_components=sizes,
        covariance_types=types,
        scores=scores,
        failures=failures,
        criterion=criterion,
    )
