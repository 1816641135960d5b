"""Where EM starts: statistics of a first assignment of rows to components."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans, kmeans_plusplus

__all__ = ["first_statistics"]


def first_statistics(rows, init_params, random_state):
    """Statistics of the rows under a first assignment.

    Parameters
    ----------
    rows : Rows
    init_params : {"kmeans", "k-means++", "random", "random_from_data"}
    random_state : numpy.random.RandomState

    Returns
    -------
    Statistics
    """
    k = rows.n_components
    if init_params == "kmeans":
        means = KMeans(n_clusters=k, n_init=1, random_state=random_state)
        return rows.of_labels(means.fit(rows.X, sample_weight=rows.weight).labels_)
    if init_params == "random":
        return rows.of_random(random_state)
    if init_params == "random_from_data":
        chance = None if rows.weight is None else rows.weight / rows.weight.sum()
        if chance is not None and np.count_nonzero(chance) < k:
            raise ValueError(
                f"n_components={k} rows cannot be drawn from {np.count_nonzero(chance)} of positive weight"
            )
        return rows.of_chosen(random_state.choice(len(rows.X), size=k, replace=False, p=chance))
    _, chosen = kmeans_plusplus(rows.X, k, sample_weight=rows.weight, random_state=random_state)
    return rows.of_chosen(chosen)
