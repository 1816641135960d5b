"""The slow, obvious histogram: one pass over the rows per feature."""

import numpy as np


def unpack(gh):
    """Signed g and unsigned h of packed gradients."""
    gh = np.asarray(gh, dtype=np.uint32)
    return (gh.astype(np.int32) >> 16).astype(np.int64), (gh & 0xFFFF).astype(np.int64)


def histogram(codes, n_codes, rows, gh):
    """Sums of g and h per feature and code: a list of two int64 arrays per feature."""
    g, h = unpack(gh)
    found = []
    for feature in range(codes.shape[1]):
        sums = np.zeros((2, n_codes[feature]), dtype=np.int64)
        for row, gi, hi in zip(rows, g, h, strict=True):
            sums[0, codes[row, feature]] += gi
            sums[1, codes[row, feature]] += hi
        found.append(sums)
    return found
