"""Clustering: k-means and self-organising maps, over one kernel of nearest centroids."""

from fastml.cluster.kmeans import KMeans
from fastml.cluster.minibatch_kmeans import MiniBatchKMeans
from fastml.cluster.som import SOM
from fastml.cluster.som_growing import GrowingSOM
from fastml.cluster.som_supervised import SOMClassifier, SOMRegressor

__all__ = [
    "SOM",
    "GrowingSOM",
    "KMeans",
    "MiniBatchKMeans",
    "SOMClassifier",
    "SOMRegressor",
]
