"""What EM accumulates over rows: enough to update a mixture from, and small."""

from __future__ import annotations

import numpy as np

__all__ = ["Statistics", "symmetric"]


def symmetric(packed, d):
    """Symmetric matrices (..., d, d) from their lower triangles (..., d (d + 1) / 2), row by row."""
    full = np.empty((*packed.shape[:-1], d, d))
    rows, columns = np.tril_indices(d)
    full[..., rows, columns] = packed
    full[..., columns, rows] = packed
    return full


class Statistics:
    """Sums over rows, about a shift.

    Parameters
    ----------
    covariance_type : {"full", "tied", "diag", "spherical"}
    weight : float64 array of shape (k,)
        Sums of weighted responsibilities.
    first : float64 array of shape (k, d)
        Of the rows times them.
    second : float64 array
        Of products of two features: "full" (k, d, d), "tied" (d, d), the components together, otherwise of
        squares (k, d).
    total_weight : float
    n_rows : int
    log_likelihood, entropy : float
        Sums over rows of the mixture's log density and of -r log r.

    Notes
    -----
    Statistics of parts of the rows under the same parameters and shift are merged into those of all, whatever
    the parts are: threads' chunks, batches of `partial_fit`, or files.
    """

    def __init__(
        self, covariance_type, weight, first, second, total_weight, n_rows, log_likelihood=0.0, entropy=0.0
    ):
        self.covariance_type = covariance_type
        self.weight, self.first, self.second = weight, first, second
        self.total_weight, self.n_rows = float(total_weight), int(n_rows)
        self.log_likelihood, self.entropy = float(log_likelihood), float(entropy)

    @classmethod
    def from_sums(cls, covariance_type, sums, total_second, total_weight, n_rows, totals=(0.0, 0.0)):
        """From sums of pairs (`fastml._engine.dense.gaussian.pairs_of`), one column for each component."""
        d = len(total_second) if covariance_type == "tied" else None
        if covariance_type == "full":
            d = int((np.sqrt(8 * len(sums) + 1) - 3) / 2 + 0.5)
            second = symmetric(sums[: d * (d + 1) // 2].T, d)
        elif covariance_type == "tied":
            second = total_second
        else:
            d = (len(sums) - 1) // 2
            second = sums[:d].T.copy()
        return cls(
            covariance_type,
            sums[-1].copy(),
            sums[-1 - d : -1].T.copy(),
            second,
            total_weight,
            n_rows,
            *totals,
        )

    def merge(self, other):
        """Add those of other rows under the same parameters."""
        for name in ("weight", "first", "second"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.total_weight += other.total_weight
        self.n_rows += other.n_rows
        self.log_likelihood += other.log_likelihood
        self.entropy += other.entropy
        return self

    def scaled(self, factor):
        """The same of `factor` times the weight."""
        return Statistics(
            self.covariance_type,
            factor * self.weight,
            factor * self.first,
            factor * self.second,
            factor * self.total_weight,
            self.n_rows,
            factor * self.log_likelihood,
            factor * self.entropy,
        )

    def moved(self, old, new):
        """The same sums about another shift: (x - new) = (x - old) + (old - new)."""
        by = np.asarray(old, dtype=np.float64) - np.asarray(new, dtype=np.float64)
        first = self.first + self.weight[:, None] * by
        if self.covariance_type == "full":
            cross = self.first[:, :, None] * by
            second = self.second + cross + cross.transpose(0, 2, 1)
            second += self.weight[:, None, None] * np.outer(by, by)
        elif self.covariance_type == "tied":
            cross = np.outer(self.first.sum(axis=0), by)
            second = self.second + cross + cross.T + self.weight.sum() * np.outer(by, by)
        else:
            second = self.second + 2 * self.first * by + self.weight[:, None] * by**2
        moved = Statistics(self.covariance_type, self.weight, first, second, self.total_weight, self.n_rows)
        moved.log_likelihood, moved.entropy = self.log_likelihood, self.entropy
        return moved
