"""k-means by Lloyd's iteration."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions

from fastml._rollback import rollback
from fastml.cluster.kmeans_base import BaseKMeans
from fastml.cluster.lloyd import lloyd
from fastml.cluster.rows import mean_variance

__all__ = ["KMeans"]


class KMeans(BaseKMeans):
    """k-means clustering: centres that lie at the mean of the rows that are nearest to them [1]_.

    Rows may have missing values and weights. The result is the same on any number of threads, to the bit.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of centres.
    init : {"k-means++", "k-means||", "random"}, callable or array-like of shape (n_clusters, n_features), \
default="k-means++"
        Where to start. "k-means++": rows drawn one after the other, far ones with a higher probability, the
        best of several draws (greedy k-means++ [2]_). "k-means||": the same from candidates that five passes
        over the rows draw [4]_, for many clusters. "random": rows drawn at random, by weight. A callable is
        called as ``init(X, n_clusters, random_state=random_state)`` and returns the centres.
    n_init : "auto" or int, default="auto"
        Number of runs from different starts; the one of least inertia is kept. "auto": 10 for "random" and
        callables, else 1.
    max_iter : int, default=300
        Most iterations of a run.
    tol : float, default=1e-4
        A run ends when the sum of the squared movements of the centres is at most `tol` times the mean
        variance of the features (or when no label changes).
    verbose : int, default=0
        1: print the inertia of each iteration.
    random_state : int, RandomState instance or None, default=None
        Seed of the start.
    copy_x : bool, default=True
        For compatibility: X is never changed.
    algorithm : {"auto", "lloyd", "elkan"}, default="auto"
        How labels are found; all give the same. "lloyd": all rows are compared with all centres. "elkan":
        only rows whose bounds [5]_ leave their label open. "auto": by bounds
        with many centres and features, from when few rows change their centre.
    n_jobs : int or None, default=None
        Threads; None means all cores. The number of threads never changes the model.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Of X's dtype.
    labels_ : int32 ndarray of shape (n_samples,)
        What `predict` says of the rows of the fit.
    inertia_ : float
        Weighted sum of squared distances of the rows to their centres, added up in float64 from the
        differences.
    n_iter_ : int
        Iterations of the best run.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all text.

    See Also
    --------
    sklearn.cluster.KMeans : The same interface in scikit-learn.

    Notes
    -----
    Missing values are left out of distances, which are multiplied by the number of features over the number
    of known ones, and out of means [3]_. A row whose distances to two centres differ by less than rounding
    can explain is decided in float64; of equally near centres the first wins.

    Memory beside X: centres and their sums per block of rows, at most the size of X or 4 MB, and 4 bytes a
    row, with bounds 24.

    References
    ----------
    .. [1] S. Lloyd. "Least squares quantization in PCM." IEEE Transactions on Information Theory 28, 1982.
    .. [2] D. Arthur, S. Vassilvitskii. "k-means++: the advantages of careful seeding." SODA 2007.
    .. [3] J. K. Dixon. "Pattern recognition with partly missing data." IEEE Transactions on Systems, Man, and
       Cybernetics 9, 1979.
    .. [4] B. Bahmani et al. "Scalable k-means++." Proceedings of the VLDB Endowment 5, 2012.
    .. [5] G. Hamerly. "Making k-means even faster." SIAM International Conference on Data Mining 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.cluster import KMeans
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> model = KMeans(n_clusters=2, random_state=0).fit(X)
    >>> model.cluster_centers_
    array([[10.,  2.],
           [ 1.,  2.]])
    >>> model.predict([[0, 0], [12, 3]])
    array([1, 0], dtype=int32)
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseKMeans._parameter_constraints,
        "copy_x": ["boolean"],
        "algorithm": [StrOptions({"auto", "lloyd", "elkan"})],
    }

    _starts_at_random = 10

    def __init__(
        self,
        n_clusters=8,
        *,
        init="k-means++",
        n_init="auto",
        max_iter=300,
        tol=1e-4,
        verbose=0,
        random_state=None,
        copy_x=True,
        algorithm="auto",
        n_jobs=None,
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Find the centres.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            NaN is a missing value; each row and each column has a known one. float32 is computed in float32
            with sums in float64.
        y : Ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X has fewer rows than `n_clusters`, infinite values or squares, or rows or columns that are all
            NaN; if `init` has another shape; if a weight is negative or all are zero.
        """
        with rollback(self):
            self._fit(X, sample_weight)
        return self

    def _fit(self, X, sample_weight):
        rows, weight, given = self._read_training(X, sample_weight)
        random_state = check_random_state(self.random_state)
        if self.algorithm == "elkan" and self.n_clusters == 1:
            warnings.warn(
                "algorithm='elkan' doesn't make sense for a single cluster. Using 'lloyd' instead.",
                RuntimeWarning,
                stacklevel=4,
            )
        tol = 0.0 if self.tol == 0 else self.tol * mean_variance(rows)
        best = None
        for _ in range(self._n_init):
            centers = self._start(rows, weight, given, random_state)
            if self.verbose:
                print("Initialization complete")
            found = lloyd(
                rows,
                centers,
                weight,
                max_iter=self.max_iter,
                tol=tol,
                verbose=self.verbose,
                bounded={"auto": None, "lloyd": False, "elkan": True}[self.algorithm],
            )
            # the same clustering with its labels exchanged may have a lower inertia by rounding
            if best is None or (found.inertia < best.inertia and not found.is_same_as(best)):
                best = found
        if not np.isfinite(best.inertia):
            raise ValueError(
                "the weighted sum of squared distances is too large for float64: scale the weights down"
            )
        n_found = np.count_nonzero(np.bincount(best.labels))
        if n_found < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({n_found}) found smaller than n_clusters ({self.n_clusters}). "
                "Possibly due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=4,
            )
        self.cluster_centers_ = best.centers
        self.labels_ = best.labels
        self.inertia_ = best.inertia
        self.n_iter_ = best.n_iter
