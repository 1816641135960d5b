"""What the densities of counts and symbols share."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from scipy.special import gammaln

from fastml._engine.dense.hidden_markov import Model
from fastml.hmm.base import BaseHMM, unfold

__all__ = ["CountHMM", "finite_logs", "log_factorials"]

# The log of an impossible count: finite, so that a count of zero times it is zero.
_IMPOSSIBLE = -1e290


def finite_logs(p):
    """Logs of probabilities; of 0 a number so small that its product with a count has density 0."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(np.asarray(p, dtype=np.float64)), _IMPOSSIBLE)


def log_factorials(X):
    """For each row the sum of log(x!), 0 where it is missing."""
    return np.nan_to_num(gammaln(np.asarray(X, dtype=np.float64) + 1).sum(axis=1))


class CountHMM(BaseHMM):
    """Base class of models whose log densities are linear in the counts, but for what no state changes."""

    @abstractmethod
    def _weights_of_counts(self):
        """(constant (n,), scale (n, d)) of the log density of counts x in state k: constant + x @ scale."""

    @abstractmethod
    def _constants_of_rows(self, X):
        """What the log density of each row has that no state changes: float64 (n_samples,)."""

    def _engine_model(self, frames, second=False):
        constant, scale = self._weights_of_counts()
        start, moves = self._chain()
        return Model(
            start,
            moves,
            "linear",
            n_features=scale.shape[1],
            constant=constant,
            scale=scale,
            missing=frames.has_missing,
        )

    def _log_densities(self, X):
        constant, scale = self._weights_of_counts()
        X = np.asarray(X, dtype=np.float64)
        missing = np.isnan(X).any(axis=1)
        with np.errstate(over="ignore"):
            logs = constant + np.where(missing[:, None], 0.0, X) @ scale.T
        logs[logs < -1e200] = -np.inf
        logs[missing] = 0.0
        return logs

    def _shapes_of_statistics(self):
        n = self.n_components
        return {"obs": (n, self.n_features), "known": (n,)}

    def _statistics(self, model, passed, frames, X):
        n, d = self.n_components, X.shape[1]
        m, c, rows = model.n_padded, model.n_components_padded, model.n_rows
        at = m * m + 2 * m + c
        first = unfold(passed.cells[at : at + c * rows], c, rows)[:n]
        known = first[:, d] if frames.has_missing else passed.cells[m * m : m * m + n]
        return {"obs": first[:, :d].copy(), "known": known.copy()}

    def _add_posteriors(self, stats, X, posteriors, frames):
        known = ~np.isnan(X).any(axis=1)
        stats["obs"] += posteriors[known].T @ X[known]
        stats["known"] += posteriors[known].sum(axis=0)

    def _add_constants(self, likelihood, X, lengths):
        ends = np.cumsum(lengths)
        return likelihood + np.add.reduceat(self._constants_of_rows(X), ends - lengths)
