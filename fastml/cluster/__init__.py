"""Clusters and maps, with scikit-learn's interface."""

from fastml.cluster.som import SOM

__all__ = ["SOM"]
