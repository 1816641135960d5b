from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastml._engine.runtime.tree_kernels cimport partition_rule

cdef enum:
    PARTITION_BLOCK = 2048  # rows; a multiple of 64

cdef int64_t mask_rows(const uint8_t *column, const uint32_t *rows, int64_t n, const partition_rule *rule,
                       uint64_t *mask, int64_t *block_left, int n_threads) noexcept nogil

cdef void move_rows(const uint32_t *rows, const uint32_t *gh, int64_t n, int64_t n_left, const uint64_t *mask,
                    const int64_t *block_left, uint32_t *rows_out, uint32_t *gh_out, int n_threads) noexcept nogil
