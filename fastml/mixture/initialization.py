"""Where EM starts: statistics of a first assignment of rows to components."""

from __future__ import annotations

import numpy as np

from fastml._engine.dense.nearest import Rows as NearestRows
from fastml.cluster import KMeans
from fastml.cluster.seeding import kmeans_plusplus_rows

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
        means = KMeans(n_clusters=k, n_init=1, random_state=random_state, n_jobs=rows.n_threads)
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
    places = NearestRows(rows.X, rows.n_threads)
    return rows.of_chosen(kmeans_plusplus_rows(places, k, rows.weight, random_state))
