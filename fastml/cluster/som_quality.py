"""How good a map is, and what it shows: errors, preserved neighbourhoods, U-matrix, planes, votes."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.manifold import trustworthiness
from sklearn.metrics import pairwise_distances
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fastml._input.targets import check_weight
from fastml.cluster.som_rows import weighted_features

__all__ = ["MapQuality", "distances_between"]

_BLOCK = 1 << 22  # distances in memory at once
_KNOWN_METRIC = {
    "sqeuclidean": "euclidean",
    "cosine": "cosine",
    "manhattan": "manhattan",
    "chebyshev": "chebyshev",
}


def distances_between(A, B, metric, feature_weight):
    """Distances of rows to nodes: Euclidean (not squared) for "sqeuclidean", the others as they are.

    Parameters
    ----------
    A : array of shape (n, d), NaN where missing, or CSR
    B : array of shape (m, d)
    metric : str
    feature_weight : float64 array of shape (d,) or None

    Returns
    -------
    array of shape (n, m)
    """
    known_A, known_B = (weighted_features(rows, feature_weight, metric) for rows in (A, B))
    if sparse.issparse(A):
        if metric in ("chebyshev", "manhattan"):
            known_A = known_A.toarray()
        return pairwise_distances(known_A, known_B, metric=_KNOWN_METRIC[metric]).astype(A.dtype, copy=False)
    out = np.empty((len(A), len(B)), dtype=A.dtype)
    missing = np.isnan(A)
    for i in np.flatnonzero(missing.any(axis=1)):
        known = ~missing[i]
        away = pairwise_distances(known_A[i : i + 1, known], known_B[:, known], metric=_KNOWN_METRIC[metric])
        w = np.ones(A.shape[1]) if feature_weight is None else feature_weight
        share = w[known].sum() / w.sum()
        if metric == "sqeuclidean":
            away /= np.sqrt(share)
        elif metric == "manhattan":
            away /= share
        out[i] = away
    whole = ~missing.any(axis=1)
    if whole.all():
        return pairwise_distances(known_A, known_B, metric=_KNOWN_METRIC[metric]).astype(A.dtype, copy=False)
    if whole.any():
        out[whole] = pairwise_distances(known_A[whole], known_B, metric=_KNOWN_METRIC[metric])
    return out


class MapQuality:
    """Mixin of fitted maps: measures of quality and views of the codebook."""

    # -- errors of rows

    def quantization_error(self, X, sample_weight=None):
        """Weighted mean distance of rows to their nodes.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            Euclidean, not squared, for the metric "sqeuclidean"; else in the map's metric.
        """
        X = self._read(X)
        away = self._nearest(X)[1].astype(np.float64)
        if self.metric == "sqeuclidean":
            away = np.sqrt(away)
        return float(np.average(away, weights=check_weight(sample_weight, X)))

    def topographic_error(self, X, sample_weight=None):
        """Weighted share of rows whose best and second best node are not neighbours on the map.

        Neighbours are the 6 around a node of a hexagonal map and the 8 of a rectangular one [1]_.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            From 0 to 1; 0 for a map of one node.

        References
        ----------
        .. [1] K. Kiviluoto. "Topology preservation in self-organizing maps." ICNN 1996.
        """
        X = self._read(X)
        if len(self.codebook_) == 1:
            return 0.0
        best, _, second = self._nearest(X, second=True)
        apart = ~self.grid_.touch(best, second)
        return float(np.average(apart, weights=check_weight(sample_weight, X)))

    def distortion(self, X, sample_weight=None):
        """Mean over rows of the squared distances to all nodes, weighted by the last neighbourhood.

        What the map minimises, as far as it minimises anything (SOM Toolbox, som_distortion).

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        X = self._read(X)
        w = check_weight(sample_weight, X)
        w = np.ones(X.shape[0]) if w is None else w
        h = self._smoother(float(self._radii(np.ones(1))[0])).matrix()
        best = self._nearest(X)[0]
        total = 0.0
        for part in self._parts(X.shape[0]):
            away = distances_between(X[part], self.codebook_, self.metric, self._feature_weight).astype(
                np.float64
            )
            total += w[part] @ np.einsum("ij,ij->i", h[best[part]], away**2)
        return float(total / w.sum())

    def _parts(self, n):
        size = max(1, _BLOCK // len(self.codebook_))
        return [slice(lo, min(n, lo + size)) for lo in range(0, n, size)]

    # -- neighbourhoods

    def topographic_product(self):
        """How well neighbourhoods of the map are those of the codebook [1]_.

        Returns
        -------
        float
            0: they agree; below 0 the map has too few dimensions for the data, above 0 too many. NaN if two
            nodes are at the same place; 0 for fewer than 2 nodes.

        References
        ----------
        .. [1] H.-U. Bauer, K. Pawelzik. "Quantifying the neighborhood preservation of self-organizing feature
           maps." IEEE Transactions on Neural Networks 3, 1992, eq. 10.
        """
        check_is_fitted(self)
        n = len(self.codebook_)
        if n < 2:
            return 0.0
        total = 0.0
        k = np.arange(1, n)
        for part in self._parts(n):
            nodes = np.arange(n)[part]
            in_data = distances_between(
                self.codebook_[part], self.codebook_, self.metric, self._feature_weight
            )
            in_data = in_data.astype(np.float64)
            on_map = self.grid_.distances(nodes)
            for apart in (in_data, on_map):
                apart[np.arange(len(nodes)), nodes] = -1.0  # first in every order
            by_data = np.argsort(in_data, axis=1, kind="stable")[:, 1:]
            by_map = np.argsort(on_map, axis=1, kind="stable")[:, 1:]
            with np.errstate(divide="ignore", invalid="ignore"):
                q1 = np.log(np.take_along_axis(in_data, by_map, 1)) - np.log(
                    np.take_along_axis(in_data, by_data, 1)
                )
                q2 = np.log(np.take_along_axis(on_map, by_map, 1)) - np.log(
                    np.take_along_axis(on_map, by_data, 1)
                )
                total += (np.cumsum(q1 + q2, axis=1) / (2 * k)).sum()
        return float(total / (n * (n - 1)))

    def trustworthiness(self, X, n_neighbors=5, max_rows=5000, random_state=0):
        """Share of neighbours on the map that are neighbours in the data [1]_.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Without missing values.
        n_neighbors : int, default=5
        max_rows : int, default=5000
            Of a longer table, so many rows are drawn: time and memory grow with the square.
        random_state : int, RandomState instance or None, default=0

        Returns
        -------
        float
            From 0 to 1.

        References
        ----------
        .. [1] J. Venna, S. Kaski. "Neighborhood preservation in nonlinear projection methods." ICANN 2001.
        """
        X = self._read(X)
        if X.shape[0] > max_rows:
            X = X[np.sort(check_random_state(random_state).choice(X.shape[0], max_rows, replace=False))]
        places = self.grid_.positions[self._nearest(X)[0]]
        rows = weighted_features(X.toarray() if sparse.issparse(X) else X, self._feature_weight, self.metric)
        if np.isnan(rows).any():
            raise ValueError("trustworthiness needs rows without missing values, X has NaN")
        return float(
            trustworthiness(rows, places, n_neighbors=n_neighbors, metric=_KNOWN_METRIC[self.metric])
        )

    # -- views of the codebook

    def u_matrix(self):
        """Mean distance of each node to its neighbours on the map [1]_.

        Returns
        -------
        float64 ndarray of shape (n_rows, n_columns)
            High along borders between clusters. 0 for a map of one node.

        References
        ----------
        .. [1] A. Ultsch, H. P. Siemon. "Kohonen's self organizing feature maps for exploratory data
           analysis." INNC 1990.
        """
        check_is_fitted(self)
        pairs, apart = self._edges()
        n = len(self.codebook_)
        sums = np.bincount(pairs[:, 0], apart, minlength=n)
        counts = np.bincount(pairs[:, 0], minlength=n)
        return (sums / np.maximum(counts, 1)).reshape(self.n_rows, self.n_columns)

    def _edges(self):
        """Pairs of neighbours and their distances in the data's space."""
        pairs = self.grid_.neighbours()
        nodes = weighted_features(self.codebook_, self._feature_weight, self.metric).astype(np.float64)
        a, b = nodes[pairs[:, 0]], nodes[pairs[:, 1]]
        if self.metric == "cosine":
            lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
            return pairs, 1 - (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1)
        if self.metric == "manhattan":
            return pairs, np.abs(a - b).sum(axis=1)
        if self.metric == "chebyshev":
            return pairs, np.abs(a - b).max(axis=1, initial=0.0)
        return pairs, np.sqrt(((a - b) ** 2).sum(axis=1))

    def component_planes(self):
        """The codebook, feature by feature: ndarray of shape (n_features, n_rows, n_columns)."""
        check_is_fitted(self)
        return self.codebook_.T.reshape(-1, self.n_rows, self.n_columns)

    def activation_response(self, X, sample_weight=None):
        """Weight (without weights: number) of the rows that each node wins.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float64 ndarray of shape (n_rows, n_columns)
        """
        X = self._read(X)
        w = check_weight(sample_weight, X)
        counts = np.bincount(self._nearest(X)[0], w, minlength=len(self.codebook_))
        return counts.astype(np.float64).reshape(self.n_rows, self.n_columns)

    def label_map(self, X, y, sample_weight=None):
        """Label that most of a node's rows have, by weight.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Labels of any kind that can be sorted.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        labels : ndarray of objects of shape (n_rows, n_columns)
            Of equal votes the first in order; None where no row is.
        votes : float64 ndarray of shape (n_classes, n_rows, n_columns)
            In the order of the sorted labels.
        """
        X = self._read(X)
        w = check_weight(sample_weight, X)
        classes, codes = np.unique(np.asarray(y), return_inverse=True)
        if codes.shape != (X.shape[0],):
            raise ValueError(
                f"y has shape {np.shape(y)}, expected ({X.shape[0]},): a label for each row of X"
            )
        n = len(self.codebook_)
        votes = np.bincount(codes * n + self._nearest(X)[0], w, minlength=classes.size * n)
        votes = votes.astype(np.float64).reshape(classes.size, n)
        labels = classes.astype(object)[votes.argmax(axis=0)]
        labels[votes.sum(axis=0) == 0] = None
        shape = (self.n_rows, self.n_columns)
        return labels.reshape(shape), votes.reshape(-1, *shape)
