"""Partition of a node's rows between its children, by several threads.

Both passes of ``src_c/tree/partition.c`` run over blocks of rows; the first one counts, so the second knows where in
the children's ranges each block writes. Both children keep their rows in ascending order. A thread has neighbouring
blocks: what it writes is its own cache's but for the lines at its ends, and so is most of what it reads next time.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastml._engine.runtime.tree_kernels cimport K, partition_rule
from fastml._engine.tree.binning cimport BinnedMatrix


cdef int64_t mask_rows(const uint8_t *column, const uint32_t *rows, int64_t n, const partition_rule *rule,
                       uint64_t *mask, int64_t *block_left, int n_threads) noexcept nogil:
    """Sets bit i of ``mask`` when row i goes left; returns how many do.

    block_left: n_blocks + 1 entries; becomes the number of left rows before each block.
    """
    cdef int64_t n_blocks = (n + PARTITION_BLOCK - 1) // PARTITION_BLOCK
    cdef int64_t b, first, m, own, total = 0
    if n_threads == 1 or n_blocks == 1:
        for b in range(n_blocks):
            first = b * PARTITION_BLOCK
            m = min(<int64_t> PARTITION_BLOCK, n - first)
            block_left[b] = K.partition_mask(column, rows + first if rows != NULL else NULL, first, m, rule,
                                             mask + first // 64)
    else:
        for b in prange(n_blocks, num_threads=n_threads, schedule="static"):
            first = b * PARTITION_BLOCK
            m = min(<int64_t> PARTITION_BLOCK, n - first)
            block_left[b] = K.partition_mask(column, rows + first if rows != NULL else NULL, first, m, rule,
                                             mask + first // 64)
    for b in range(n_blocks):
        own = block_left[b]
        block_left[b] = total
        total += own
    block_left[n_blocks] = total
    return total


cdef inline void move_block(int64_t b, const uint32_t *rows, const uint32_t *gh, int64_t n, int64_t n_left,
                            const uint64_t *mask, const int64_t *block_left, uint32_t *rows_out,
                            uint32_t *gh_out) noexcept nogil:
    cdef int64_t first = b * PARTITION_BLOCK, left = block_left[b], right = n_left + first - left
    K.partition_apply(rows + first if rows != NULL else NULL, first, gh + first,
                      min(<int64_t> PARTITION_BLOCK, n - first), mask + first // 64, block_left[b + 1] - left,
                      rows_out + left, gh_out + left, rows_out + right, gh_out + right)


cdef void move_rows(const uint32_t *rows, const uint32_t *gh, int64_t n, int64_t n_left, const uint64_t *mask,
                    const int64_t *block_left, uint32_t *rows_out, uint32_t *gh_out, int n_threads) noexcept nogil:
    """Writes the masked rows (and gh) to out[:n_left], the others to out[n_left:]."""
    cdef int64_t n_blocks = (n + PARTITION_BLOCK - 1) // PARTITION_BLOCK
    cdef int64_t b
    if n_threads == 1 or n_blocks == 1:
        for b in range(n_blocks):
            move_block(b, rows, gh, n, n_left, mask, block_left, rows_out, gh_out)
    else:
        for b in prange(n_blocks, num_threads=n_threads, schedule="static"):
            move_block(b, rows, gh, n, n_left, mask, block_left, rows_out, gh_out)


def partition(BinnedMatrix binned not None, Py_ssize_t feature, uint32_t[::1] gh, rows=None, int code=0,
              bint missing_left=False, category_set=None, int n_threads=1):
    """Partition of a set of rows by one split, for tests and benchmarks.

    Parameters
    ----------
    binned : BinnedMatrix
    feature : int
    gh : uint32 array of shape (n,)
    rows : uint32 array of shape (n,), optional
        Row numbers; 0, 1, ... when not given.
    code, missing_left : the numerical rule
    category_set : uint8 array of shape (32,), optional
        The categorical rule.
    n_threads : int

    Returns
    -------
    rows, gh : uint32 arrays of shape (n,)
        Left rows first.
    n_left : int
    """
    cdef int64_t n = gh.shape[0]
    cdef uint32_t[::1] chosen, rows_out = np.empty(n + 1, np.uint32), gh_out = np.empty(n + 1, np.uint32)
    cdef uint64_t[::1] mask = np.empty(n // 64 + 1, np.uint64)
    cdef int64_t[::1] block_left = np.empty(n // PARTITION_BLOCK + 2, np.int64)
    cdef const uint32_t *chosen_p = NULL
    cdef uint8_t[::1] members
    cdef partition_rule rule
    cdef int64_t n_left
    if not 0 <= feature < binned.n_features:
        raise ValueError(f"feature must be in [0, {binned.n_features}), got {feature}")
    if rows is not None:
        chosen = np.ascontiguousarray(rows, dtype=np.uint32)
        if chosen.shape[0] != n or (n > 0 and np.max(chosen) >= binned.n_rows):
            raise ValueError("rows must have one row number below n_rows for each entry of gh")
        if n > 0:
            chosen_p = &chosen[0]
    elif n != binned.n_rows:
        raise ValueError(f"gh has {n} entries, expected one per row ({binned.n_rows})")
    rule.set = NULL
    rule.bias = 0 if missing_left else 1
    rule.code = <uint8_t> code
    if category_set is not None:
        members = np.ascontiguousarray(category_set, dtype=np.uint8)
        if members.shape[0] != 32:
            raise ValueError(f"category_set must have 32 bytes, got {members.shape[0]}")
        rule.set = &members[0]
    if n == 0:
        return np.empty(0, np.uint32), np.empty(0, np.uint32), 0
    with nogil:
        n_left = mask_rows(binned.columns + feature * binned.column_stride, chosen_p, n, &rule, &mask[0],
                           &block_left[0], n_threads)
        move_rows(chosen_p, &gh[0], n, n_left, &mask[0], &block_left[0], &rows_out[0], &gh_out[0], n_threads)
    return np.asarray(rows_out)[:n], np.asarray(gh_out)[:n], n_left
