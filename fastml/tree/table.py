"""A table in bins: what trees are grown from, made once for as many models as are wanted."""

from __future__ import annotations

import hashlib

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array

from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._engine.tree.bin_values import BinValues
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.categories import CategoryEncoder
from fastml._engine.tree.table import Table, is_frame
from fastml._engine.tree.value_ranks import ValueRanks
from fastml._engine.tree.value_rows import ValueRows
from fastml._input.constraints import categorical_mask
from fastml._input.tables import check_table

__all__ = ["BinnedTable"]

# Values in X below which one thread ends before others have started.
_CELLS_FOR_THREADS = 1 << 17
# Features of more distinct values are not worth their ranks; trees of more features carry no codes to change.
_MANY_VALUES = 4096
_MOST_FEATURES = 64


class BinnedTable:
    """Rows in bins, to be given as X to as many fits of trees and forests as are wanted.

    Finding bins and coding all values is a large part of a short fit. Models of equal `max_bins`,
    `categorical_features` and `exact` can share it: a grid search, several forests, one model after the
    other.

    Parameters
    ----------
    X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        As the estimators take it. Not kept.
    max_bins : int, default=255
        Most bins of a numerical feature, from 2 to 255. A feature with no more distinct values has a bin for
        each.
    categorical_features : "from_dtype", None, or array-like of bool, int or str, default="from_dtype"
        As in the estimators.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights for placing the bins of features with many distinct values.
    random_state : int, default=0
        Draws the rows that place the bins of features with more than `max_bins` distinct values.
    n_jobs : int or None, default=None
        Threads; None means all cores.
    exact : bool or "auto", default="auto"
        As in the estimators, which split exactly what the table knows exactly.

    Raises
    ------
    ValueError
        If X, `sample_weight` or `exact` is not one of those, or `max_bins` is not between 2 and 255.

    Attributes
    ----------
    shape : tuple of int
    feature_names_in_ : ndarray of shape (n_features,)
        If X had names that are all text.
    is_categorical_ : bool ndarray of shape (n_features,), or None

    Notes
    -----
    The memory is about 2 bytes for each value of X, and 2 more for those of features that `exact` is about;
    for a moment another 2 for these, and 32 bytes for each row and thread.

    Examples
    --------
    >>> from fastml.ensemble import RandomForestClassifier
    >>> from fastml.tree import BinnedTable, DecisionTreeClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> table = BinnedTable(X)
    >>> tree = DecisionTreeClassifier(max_depth=2).fit(table, y)
    >>> forest = RandomForestClassifier(n_estimators=10, random_state=0).fit(table, y)
    >>> bool((tree.predict(table) == tree.predict(X)).all())
    True
    """

    def __init__(
        self,
        X,
        *,
        max_bins=255,
        categorical_features="from_dtype",
        sample_weight=None,
        random_state=0,
        n_jobs=None,
        exact="auto",
    ):
        X = check_table(None, X, categorical_features)
        names = Table(X).names if is_frame(X) else None
        if names is not None and all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.asarray(names, dtype=object)
        if sample_weight is not None:
            sample_weight = check_array(sample_weight, ensure_2d=False, dtype=np.float64)
        self._bin(
            X, max_bins, categorical_features, sample_weight, random_state, resolve_n_jobs(n_jobs), exact
        )

    @classmethod
    def _of(cls, X, max_bins, categorical_features, sample_weight, random_state, n_threads, exact):
        """From a table that has been checked."""
        table = cls.__new__(cls)
        table._bin(X, max_bins, categorical_features, sample_weight, random_state, n_threads, exact)
        return table

    def _bin(self, X, max_bins, categorical_features, sample_weight, random_state, n_threads, exact):
        if X.shape[0] * X.shape[1] < _CELLS_FOR_THREADS:
            n_threads = 1
        if exact not in (True, False, "auto"):
            raise ValueError(f"exact={exact!r} must be True, False or 'auto'")
        table = None if sparse.issparse(X) else Table(X)
        self.is_categorical_, self._categories = None, CategoryEncoder()
        if table is not None:
            self.is_categorical_ = categorical_mask(table, categorical_features)
            self._categories.fit(table, self.is_categorical_)
            X = self._categories.transform(table)
        elif categorical_features is not None and not isinstance(categorical_features, str):
            self.is_categorical_ = categorical_mask(_SparseTable(X), categorical_features)
        self._mapper = BinMapper(
            max_bins=max_bins,
            categorical=self.is_categorical_,
            random_state=random_state,
            n_threads=n_threads,
        ).fit(X, sample_weight)
        self._binned = self._mapper.transform(X)
        self._values = BinValues(X, self._binned, sample_weight, n_threads=n_threads)
        self.shape = (self._binned.n_rows, self._binned.n_features)
        self._ranks, self._marks = None, {}
        if exact and self.shape[1] <= _MOST_FEATURES:
            most = _MANY_VALUES if exact == "auto" else None
            ranks = ValueRanks(
                X, self._binned, self._values, sample_weight, most, self._mapper.n_distinct_, n_threads
            )
            self._ranks = ranks if ranks.features.size else None

    def __len__(self):
        return self.shape[0]

    def __repr__(self):
        return f"BinnedTable of {self.shape[0]} rows and {self.shape[1]} features"

    def __getitem__(self, rows):
        """The same as `take`; what scikit-learn's splitters call."""
        if isinstance(rows, tuple) and len(rows) == 2 and rows[1] in (Ellipsis, slice(None)):
            rows = rows[0]
        return self.take(np.arange(self.shape[0])[rows] if isinstance(rows, slice) else rows)

    def take(self, rows):
        """The table of some rows, in the same bins.

        Parameters
        ----------
        rows : array-like of int or bool

        Returns
        -------
        BinnedTable
        """
        rows = np.atleast_1d(rows)
        if rows.dtype == bool:
            if rows.shape != (self.shape[0],):
                raise ValueError(f"a mask of rows must have shape ({self.shape[0]},), got {rows.shape}")
            rows = np.flatnonzero(rows)
        other = BinnedTable.__new__(BinnedTable)
        vars(other).update(vars(self))
        other._binned = self._binned.take(rows)
        other._ranks = None if self._ranks is None else self._ranks.take(rows)
        other.shape = (other._binned.n_rows, self.shape[1])
        return other

    def _value_rows(self, features):
        """The rows as trees that split on these features read them."""
        shown = self._values.lower.copy()
        if self.is_categorical_ is not None:
            shown[self.is_categorical_] = np.arange(256)
        return ValueRows(self._binned, self._mapper, features, shown, self._ranks)

    def _mark(self, ranked):
        """What tells these bins from others, and, if `ranked`, these ranks of values."""
        if ranked in self._marks:
            return self._marks[ranked]
        digest = hashlib.sha256()
        known = self._mapper.get_state() | {"lower": self._values.lower, "upper": self._values.upper}
        if ranked and self._ranks is not None:
            shared = self._ranks.lower != self._ranks.upper  # a rank of one value is what it shows
            known |= {"features": self._ranks.features}
            known |= {"rank_lower": self._ranks.lower[shared], "rank_upper": self._ranks.upper[shared]}
        for name, array in sorted(known.items()):
            digest.update(name.encode() + (array + 0).tobytes())  # 0 and -0 are one value
        self._marks[ranked] = digest.hexdigest()
        return self._marks[ranked]


class _SparseTable:
    """As much of a table as `categorical_mask` asks for."""

    names = None

    def __init__(self, X):
        self.shape = X.shape
