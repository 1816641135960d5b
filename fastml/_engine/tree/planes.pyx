"""One column of a table as several: planes of a feature that has more thresholds than there are codes.

A code has eight bits. The trees of other libraries may ask a feature for more than 254 thresholds, or for sets of
numbers; then the feature is coded several times, each time by other bins. Nothing is copied: the planes of a dense
table read the same memory.
"""

import numpy as np

from libc.stdint cimport int32_t
from libc.stdlib cimport calloc

from fastml._engine.runtime.tree_kernels cimport binning_column
from fastml._engine.tree.source cimport Source

from fastml._engine.tree.source import open_source


def spread(X, planes, n_features=None):
    """The table with a column for each plane.

    Parameters
    ----------
    X : table of numbers of shape (n_rows, n_features)
        See ``open_source``.
    planes : int32 array of shape (n_planes,)
        Feature that each plane reads.
    n_features : int, optional
        Features that X must have.

    Returns
    -------
    Source
        Of n_planes columns.

    Raises
    ------
    TypeError, ValueError
        As ``open_source``; or if X has another number of features, or not the features that the planes read.
    """
    cdef Source source, wide
    cdef const int32_t[::1] feature = np.ascontiguousarray(planes, dtype=np.int32)
    cdef Py_ssize_t p, n_planes = feature.shape[0]
    source = open_source(X)
    if n_features is not None and source.n_features != n_features:
        raise ValueError(f"X has {source.n_features} features, but the model was fitted with {n_features}")
    if n_planes == 0 or np.min(planes) < 0 or np.max(planes) >= source.n_features:
        raise ValueError(f"planes must read features from 0 to {source.n_features - 1}, at least one")
    if source.is_sparse:
        return open_source(source.matrix[:, np.asarray(feature)])
    wide = Source.__new__(Source)
    wide.n_rows, wide.n_features = source.n_rows, n_planes
    wide._owners = [source]
    wide.columns = <binning_column *>calloc(n_planes, sizeof(binning_column))
    if wide.columns == NULL:
        raise MemoryError()
    for p in range(n_planes):
        wide.columns[p] = source.columns[feature[p]]
    return wide
