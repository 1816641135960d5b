"""Regions of a map: its nodes, clustered."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import pairwise_distances_argmin

__all__ = ["map_regions"]


def map_regions(codebook, grid, hits, n_clusters):
    """Region of each node.

    Parameters
    ----------
    codebook : array of shape (n_nodes, n_features)
        In units in which Euclidean distances mean something.
    grid : MapGrid
    hits : float64 array of shape (n_nodes,)
        Weight of the rows of each node. Nodes without rows lie between clusters.
    n_clusters : int or clusterer
        A number of regions that are connected on the map, by Ward's agglomerative clustering along the map's
        graph; or any clusterer with ``fit_predict``, which is cloned and sees the nodes that have rows, but
        not the map; the other nodes go with the nearest of these.

    Returns
    -------
    int32 array of shape (n_nodes,)

    Raises
    ------
    ValueError
        If there are fewer nodes than regions.
    """
    if not isinstance(n_clusters, Integral):
        return _clustered(codebook, np.flatnonzero(hits), clone(n_clusters))
    if n_clusters > grid.n_nodes:
        raise ValueError(f"n_clusters={n_clusters} regions are more than the map's {grid.n_nodes} nodes")
    if grid.n_nodes == 1 or n_clusters == grid.n_nodes:
        return np.arange(grid.n_nodes, dtype=np.int32)
    # all nodes: those without rows keep the graph connected
    ward = AgglomerativeClustering(n_clusters, connectivity=grid.graph(diagonal=True), linkage="ward")
    return ward.fit_predict(np.asarray(codebook, dtype=np.float64)).astype(np.int32)


def _clustered(codebook, used, clusterer):
    found = np.asarray(clusterer.fit_predict(codebook[used])).astype(np.int32)
    nearest = pairwise_distances_argmin(codebook, codebook[used])
    nearest[used] = np.arange(used.size)
    return found[nearest]
