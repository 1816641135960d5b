"""The rows of a fit, and one pass of accumulation over them."""

from __future__ import annotations

import numpy as np

from fastml._engine.dense.gaussian import accumulate, moments, pairs_of, score
from fastml._engine.dense.gaussian_missing import missing, split_rows
from fastml.mixture.statistics import Statistics, symmetric

__all__ = ["Rows"]

# Rows of random responsibilities that are drawn and added up together.
_DRAWN_ROWS = 8192


class Rows:
    """Checked rows with their weights and shift.

    Parameters
    ----------
    X : float32 or float64 array of shape (n, d), rows contiguous
        NaN is a missing value.
    weight : float64 array of shape (n,) or None
    covariance_type : {"full", "tied", "diag", "spherical"}
    n_components : int
    n_threads : int
    shift : array of shape (d,), optional
        By default the rows' mean.

    Attributes
    ----------
    shift : array of shape (d,), of X's dtype
    total_weight : float
    complete, incomplete : int32 arrays, or None
        Numbers of the rows without and with missing values; None where nothing is missing.
    """

    def __init__(self, X, weight, covariance_type, n_components, n_threads, shift=None):
        self.X, self.weight = X, weight
        self.covariance_type, self.n_components = covariance_type, n_components
        self.n_threads = n_threads
        self.total_weight = float(len(X)) if weight is None else float(weight.sum())
        self.complete = self.incomplete = None
        with np.errstate(over="ignore", invalid="ignore"):
            suspicious = np.isnan(X.sum())
        if suspicious and np.isnan(X).any():
            self.complete, self.incomplete = split_rows(X)
        self.shift = self.mean().astype(X.dtype) if shift is None else np.asarray(shift, dtype=X.dtype)
        self.pairs = pairs_of(X.shape[1], covariance_type)
        self._total_second = None

    def mean(self):
        """Weighted mean of the rows' known values, float64 (d,)."""
        if self.incomplete is not None:
            return self._known_mean()
        X, d = self.X, self.X.shape[1]
        # twice: the second time about the first mean, so that float32 keeps its digits
        shift = X[0].copy()
        for _ in range(2):
            sums = moments(X, pairs_of(d, "tied"), 1, shift, self.weight, n_threads=self.n_threads)[:, 0]
            mean = shift.astype(np.float64) + sums[:-1] / sums[-1]
            shift = mean.astype(X.dtype)
        return mean

    def _known_mean(self):
        total, count = 0.0, 0.0
        for start in range(0, len(self.X), _DRAWN_ROWS):
            X = self.X[start : start + _DRAWN_ROWS].astype(np.float64)
            known = ~np.isnan(X)
            weight = np.ones(len(X)) if self.weight is None else self.weight[start : start + _DRAWN_ROWS]
            total = total + weight @ np.where(known, X, 0.0)
            count = count + weight @ known
        if not np.all(count):
            raise ValueError(
                "X has features without any known value of positive weight, such as feature "
                f"{np.flatnonzero(count == 0)[0]}: leave them out"
            )
        return total / count

    def total_second(self):
        """Sum of weighted products of features about the shift (so is what is missing), float64 (d, d)."""
        d = self.X.shape[1]
        pairs = pairs_of(d, "full")
        sums = moments(self.X, pairs, 1, self.shift, self.weight, n_threads=self.n_threads)[:, 0]
        return symmetric(sums[: d * (d + 1) // 2], d)

    def _known_second(self):
        """The same, kept: it does not change from iteration to iteration."""
        if self._total_second is None:
            self._total_second = self.total_second()
        return self._total_second

    def covariance(self):
        """Covariance of all rows about their mean, float64 (d, d); what is missing is its feature's mean."""
        by = self.mean() - self.shift.astype(np.float64)
        return self.total_second() / self.total_weight - np.outer(by, by)

    def _statistics(self, sums, totals=(0.0, 0.0), total=None):
        if self.covariance_type == "tied" and total is None:
            total = self.total_second()
        return Statistics.from_sums(self.covariance_type, sums, total, self.total_weight, len(self.X), totals)

    def accumulate(self, components):
        """Expected statistics under the components, and the log-likelihood: one pass over the rows.

        Parameters
        ----------
        components : Components

        Returns
        -------
        Statistics
        """
        total = self._known_second() if self.covariance_type == "tied" else None
        if self.incomplete is None:
            sums, totals = accumulate(self.X, components, self.weight, n_threads=self.n_threads)
            return self._statistics(sums, totals, total)
        sums, totals = accumulate(self.X, components, self.weight, self.complete, self.n_threads)
        return self._statistics(sums, totals, total).merge(self._missing(components.for_missing()))

    def _missing(self, components):
        """Statistics of the rows with missing values, which themselves are counted with the complete ones."""
        kind, d = self.covariance_type, self.X.shape[1]
        rows, weight, n_threads = self.incomplete, self.weight, self.n_threads
        if kind in ("full", "tied"):
            sums, totals, first, second = missing(
                self.X, components, rows, weight, sum_up=True, n_threads=n_threads
            )
            # a tied second moment of what is known is that of all rows, counted with the complete ones too
            stats = Statistics.from_sums(kind, sums, np.zeros((d, d)), 0.0, 0, totals)
            stats.first += first
            stats.second += second.reshape(stats.second.shape)
            return stats
        sums, totals = accumulate(self.X, components, weight, rows, n_threads)
        second, known, first, weight = sums[:d].T, sums[d : 2 * d].T, sums[2 * d : 3 * d].T, sums[3 * d]
        gone, mean = weight[:, None] - known, components.centred
        variance = 1.0 / components.factors.reshape(self.n_components, -1) ** 2
        first, second = first + gone * mean, second + gone * (mean**2 + variance)
        return Statistics(kind, weight.copy(), first, second, 0.0, 0, *totals)

    def of_labels(self, labels):
        """Statistics when every row belongs to the component of its label."""
        return self._statistics(
            moments(
                self.X,
                self.pairs,
                self.n_components,
                self.shift,
                self.weight,
                labels=np.ascontiguousarray(labels, dtype=np.int32),
                n_threads=self.n_threads,
            )
        )

    def of_chosen(self, chosen):
        """Statistics when component j has row chosen[j] only; a tied second moment is that of all."""
        X = np.ascontiguousarray(self.X[chosen])
        labels = np.arange(self.n_components, dtype=np.int32)
        sums = moments(X, self.pairs, self.n_components, self.shift, labels=labels)
        stats = self._statistics(sums)
        if self.covariance_type == "tied":
            # so that what remains about the chosen rows is the covariance of all
            first = stats.first / stats.weight[:, None]
            stats.second = stats.weight.sum() * self.covariance() + (stats.weight * first.T) @ first
        return stats

    def of_random(self, random_state):
        """Statistics under random responsibilities, drawn row by row in the order of scikit-learn."""
        sums = 0.0
        for start in range(0, len(self.X), _DRAWN_ROWS):
            X = self.X[start : start + _DRAWN_ROWS]
            resp = random_state.uniform(size=(len(X), self.n_components)).astype(X.dtype, copy=False)
            resp /= resp.sum(axis=1, keepdims=True)
            weight = None if self.weight is None else self.weight[start : start + _DRAWN_ROWS]
            sums = sums + moments(
                X, self.pairs, self.n_components, self.shift, weight, resp=resp, n_threads=self.n_threads
            )
        return self._statistics(sums)

    def score(self, components, **wanted):
        """Fill the arrays that are wanted, see `fastml._engine.dense.gaussian.score`."""
        score(self.X, components, self.complete, n_threads=self.n_threads, **wanted)
        if self.incomplete is not None:
            ask = missing if self.covariance_type in ("full", "tied") else score
            ask(self.X, components.for_missing(), self.incomplete, n_threads=self.n_threads, **wanted)
