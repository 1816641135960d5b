"""The C kernels, seen from Cython: ``from fastml._engine.runtime.kernels cimport K, fastml_kernels``."""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t  # noqa: F401


cdef extern from "kernels.h" nogil:
    ctypedef struct histogram_block:
        const uint8_t *codes
        int64_t stride
        const int32_t *position
        const int32_t *offset
        int32_t n_features

    ctypedef struct partition_rule:
        const uint8_t *set
        uint8_t code
        uint8_t bias

    ctypedef struct split_params:
        double scale_g, scale_h
        double l1, l2, max_delta_step
        double path_smooth
        double cat_smooth, cat_l2
        int64_t min_h
        int64_t min_rows
        double min_weight
        int32_t max_cat_onehot
        int32_t plain

    ctypedef struct split_node:
        int64_t g, h
        int64_t n_rows
        double value
        double lower, upper

    ctypedef struct split_exact:
        uint32_t rows[256]
        double weight[256]
        double total_weight

    ctypedef struct split_candidate:
        double gain
        int64_t g_left, h_left
        int32_t feature
        uint8_t code
        uint8_t missing_left
        uint8_t categorical
        uint8_t any_missing
        uint8_t set[32]

    ctypedef struct fastml_kernels:
        const char *name
        void (*histogram_rows)(const histogram_block *block, const uint32_t *rows, int64_t first, const uint32_t *gh,
                               int64_t n, int64_t *cells) noexcept nogil
        void (*histogram_add)(int64_t *cells, const int64_t *other, int64_t n) noexcept nogil
        void (*histogram_subtract)(int64_t *cells, const int64_t *other, int64_t n) noexcept nogil
        int64_t (*partition_mask)(const uint8_t *column, const uint32_t *rows, int64_t first, int64_t n,
                                  const partition_rule *rule, uint64_t *mask) noexcept nogil
        void (*partition_apply)(const uint32_t *rows, int64_t first, const uint32_t *gh, int64_t n,
                                const uint64_t *mask, int64_t n_left, uint32_t *rows_left, uint32_t *gh_left,
                                uint32_t *rows_right, uint32_t *gh_right) noexcept nogil
        void (*split_numerical)(int64_t *cells, const int64_t *sibling, int32_t n_codes, const split_params *p,
                                const split_node *node, split_candidate *best) noexcept nogil
        void (*split_general)(const int64_t *cells, const split_exact *exact, int32_t n_codes, int32_t monotone,
                              int32_t only, const split_params *p, const split_node *node,
                              split_candidate *best) noexcept nogil
        void (*split_categorical)(const int64_t *cells, const split_exact *exact, int32_t n_codes,
                                  const split_params *p, const split_node *node, split_candidate *best) noexcept nogil
        void (*split_count)(const uint8_t *column, const uint32_t *rows, int64_t n, const double *weights,
                            split_exact *exact) noexcept nogil
        double (*split_leaf_value)(const split_params *p, const split_node *parent, int64_t g, int64_t h,
                                   int64_t n_rows) noexcept nogil

# The table in use. A plain pointer, shared by every module that cimports it: select() changes it for all.
cdef const fastml_kernels *K
