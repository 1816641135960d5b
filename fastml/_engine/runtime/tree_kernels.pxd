"""The tree engine's C kernels, seen from Cython: ``from fastml._engine.runtime.tree_kernels cimport K``."""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t  # noqa: F401


cdef extern from "tree/kernels.h" nogil:
    ctypedef struct gradient_task:
        int32_t loss
        int32_t output
        double param
        const void *y
        const double *raw
        const double *weight
        const double *lse
        const float *focal
        int64_t focal_stride
        float *g
        float *h

    ctypedef struct GradientStats:
        double max_abs_g, max_h, min_h, sum_abs_g, sum_h

    ctypedef struct LossSum:
        double loss, weight

    ctypedef struct Packed:
        double scale_g, scale_h
        int64_t sum_g, sum_h
        uint32_t min_hq, max_hq

    ctypedef struct histogram_block:
        const uint8_t *codes
        int64_t stride
        const int32_t *position
        const int32_t *offset
        int32_t n_features
        int32_t full
        int32_t at_once

    cdef enum:
        ROW_CELLS_SPARE, ROW_CELLS_NONE

    ctypedef struct row_cells_group:
        int32_t a, b, first, n_a, n_b, low_a, low_b, cells_a, cells_b, omitted

    ctypedef struct row_cells:
        const uint16_t *cells
        const uint32_t *start
        int32_t length
        int32_t total

    ctypedef struct partition_rule:
        const uint8_t *set
        uint8_t code
        uint8_t bias

    ctypedef struct records_layout:
        int32_t stride, n_codes, payload, row, small, n_blocks
        const uint8_t *const *blocks
        const int32_t *block_stride
        const uint8_t *columns
        int64_t column_stride

    ctypedef struct recode_ranks:
        const uint16_t *ranks
        const int32_t *features
        int32_t n_features, most

    cdef enum:
        RECODE_MOST
        RECORDS_SMALL_CLASSES, RECORDS_SMALL_WEIGHT, RECORDS_SLACK
        IMPURITY_SLOTS, IMPURITY_MOST_SLOTS, IMPURITY_FEW, IMPURITY_FILLED, IMPURITY_LOGS
        IMPURITY_GINI, IMPURITY_ENTROPY, IMPURITY_SQUARED_ERROR, IMPURITY_POISSON, IMPURITY_ABSOLUTE_ERROR

    ctypedef struct impurity_params:
        int32_t criterion, n_outputs, n_channels
        const int32_t *first
        const int64_t *targets
        const int32_t *rank
        const int64_t *ranked
        int64_t n_ranked
        const double *log_table
        double least_sum
        int64_t min_rows, min_weight
        int32_t unit_weights, random, bounded
        const double *lower
        const double *upper
        const double *filled
        const records_layout *layout

    ctypedef struct impurity_node:
        const uint8_t *records
        const uint8_t *codes
        int64_t step
        int64_t at[16]
        int64_t n
        int32_t n_slots
        int32_t feature[16]
        int32_t n_codes[16]
        uint8_t categorical[16]
        uint8_t missing[16]
        int8_t monotone[16]
        uint64_t key[16]
        int64_t weight
        const int64_t *totals
        int64_t squares
        double low, high

    ctypedef struct impurity_space:
        int64_t *cells
        uint8_t *places
        uint32_t *order
        int64_t *left
        int64_t *groups
        double *scores
        int64_t *fenwick

    ctypedef struct impurity_split:
        double score, gain, threshold, value_left, value_right
        int64_t weight_left, sum_left
        int32_t slot
        uint8_t code, next, missing_left, categorical, any_missing
        uint8_t set[32]

    cdef enum:
        SHAP_ROWS, SHAP_RIGHT, SHAP_MISSING_LEFT, SHAP_CATEGORIES, SHAP_ENTER, SHAP_TURN, SHAP_LEAVE, SHAP_PAIR

    int64_t SHAP_SPACE(int64_t n_points, int64_t n_levels, int64_t n_outputs)

    ctypedef struct shap_node:
        double threshold, above, left, right, share
        int64_t inverse
        int32_t plane, column, level, above_level, flags
        int32_t leaf[2]

    ctypedef struct shap_tree:
        const shap_node *nodes
        const int64_t *steps
        int64_t n_steps
        const double *values
        int64_t value_step
        const uint8_t *sets
        const double *inverses
        const double *edges
        const double *points
        const double *weights
        int32_t n_points, n_levels

    cdef enum:
        BACKGROUND_MOST

    int64_t BACKGROUND_WALK(int64_t n_levels)
    int64_t BACKGROUND_TABLE(int64_t n_features)

    ctypedef struct background_leaf:
        int64_t counts
        int32_t n_features
        int32_t column[BACKGROUND_MOST]

    ctypedef struct background_node:
        int32_t bit
        int32_t child[2]
        uint8_t pairs[2]
        background_leaf leaf[2]

    ctypedef struct background_tree:
        const shap_tree *tree
        const background_node *nodes
        const int64_t *steps
        int64_t n_steps
        double *counts
        double *tables

    ctypedef struct background_fork:
        int64_t node

    ctypedef struct background_room:
        background_fork *forks
        double *gains
        uint8_t *chosen

    ctypedef struct split_params:
        double scale_g, scale_h
        double l1, l2, max_delta_step
        double path_smooth
        double cat_smooth, cat_l2
        int64_t min_rows
        double min_weight
        int32_t max_cat_onehot
        int32_t plain

    ctypedef struct split_node:
        int64_t g, h
        int64_t n_rows
        int64_t min_h
        int32_t counted
        double value
        double lower, upper

    ctypedef struct split_exact:
        uint32_t rows[256]
        double weight[256]
        double total_weight

    ctypedef struct split_candidate:
        double gain, score
        int64_t g_left, h_left
        int32_t feature
        uint8_t code
        uint8_t missing_left
        uint8_t categorical
        uint8_t sorted
        uint8_t any_missing
        uint8_t set[32]

    cdef enum:
        BINNING_F64, BINNING_F32, BINNING_F16, BINNING_I8, BINNING_I16, BINNING_I32, BINNING_I64
        BINNING_U8, BINNING_U16, BINNING_U32, BINNING_U64, BINNING_BIT
        BINNING_NO_MASK, BINNING_MASK_BYTES, BINNING_MASK_BITS
        QUANTILE_SMALL

    ctypedef struct binning_column:
        const unsigned char *data
        int64_t stride
        const unsigned char *mask
        int64_t mask_stride
        int64_t bit_first
        int64_t mask_bit_first
        int32_t kind
        int32_t mask_kind

    ctypedef struct binning_csr:
        binning_column values
        const int64_t *start
        const int32_t *feature32
        const int64_t *feature64

    ctypedef struct binning_table:
        const float *tree32
        const float *coarse
        const double *lower
        double offset
        int32_t n_lower
        int32_t depth
        int32_t coarse_pays
        int32_t is_categorical
        const uint8_t *cells
        double cell_low, cell_scale
        int32_t most_in_cell
        const double *known
        const uint8_t *known_code
        const uint8_t *small_code
        int64_t n_known
        int64_t n_small

    ctypedef struct single_row_plane:
        const double *bounds
        const binning_table *table
        int64_t feature
        int32_t code_at, less_at
    ctypedef struct single_row_set:
        const uint8_t *bits
        int32_t code_at, at
    ctypedef struct single_row_coder:
        const single_row_plane *planes
        const single_row_set *sets
        int64_t n_short, n_numbers, n_planes, n_sets
    ctypedef struct single_row_group:
        int64_t first_line, first_word, first_leaf
        int32_t n_lines, word_bytes
    ctypedef struct single_row_pack:
        const single_row_group *groups
        const int32_t *page_of
        const uint8_t *slots
        const uint8_t *limits
        const uint8_t *left
        const double *leaf_value
        const int32_t *output
        int64_t n_trees
        int32_t n_outputs
    ctypedef struct traverse_step:
        uint32_t plane
        uint16_t target, other
        uint8_t minus_low, width, inside, outside

    ctypedef struct traverse_round:
        int32_t n[4][4]

    ctypedef struct traverse_tree:
        int64_t first_node, first_leaf
        int32_t output, n_leaves, slot

    ctypedef struct traverse_part:
        int64_t first_step, first_round, first_tree
        int32_t n_rounds, n_trees

    ctypedef struct traverse_pack:
        const traverse_step *steps
        const traverse_round *rounds
        const traverse_part *parts
        const traverse_tree *trees
        const uint64_t *nodes
        const double *node_value
        const int32_t *node_id
        const double *leaf_value
        const int32_t *leaf_id
        int64_t n_parts, n_trees
        int32_t n_outputs

    ctypedef struct traverse_codes:
        const uint8_t *tiles
        int64_t stride, tile_step, n_rows

    ctypedef struct traverse_space:
        uint8_t *slots
        uint32_t *leaf

    cdef enum:
        WALK_FEATURE, WALK_MISSING_LEFT, WALK_CATEGORIES

    ctypedef struct walk_node:
        double threshold
        uint32_t right
        int32_t feature

    ctypedef struct walk_tree:
        const walk_node *nodes
        const uint8_t *sets
        const int32_t *slot

    cdef enum:
        KEY_WALK_LEFT_LEAF, KEY_WALK_RIGHT_LEAF, KEY_WALK_MISSING_LEFT, KEY_WALK_SET, KEY_WALK_FLAGS
        KEY_WALK_HAS_MISSING, KEY_WALK_HAS_DOUBTS

    ctypedef struct key_walk_node:
        int32_t key
        uint32_t link

    ctypedef struct key_walk_pack:
        const key_walk_node *nodes
        const int64_t *first
        const uint8_t *sets
        int32_t slot_bits

    ctypedef struct quantile_set:
        double values[256]
        int32_t count

    ctypedef struct row_weights_range:
        double least, most, sum
        int32_t whole

    ctypedef struct fastml_tree_kernels:
        const char *name
        void (*background_count)(const background_tree *b, const double *planes, int64_t n_planes, int64_t n_rows,
                                 double *space) noexcept nogil
        void (*background_table)(const background_leaf *leaf, const double *counts, double total,
                                 const double *points, const double *weights, int32_t n_points, double *space,
                                 double *table) noexcept nogil
        void (*background_rows)(const background_tree *b, const double *planes, int64_t n_columns, int64_t n_outputs,
                                double *space, double *sums) noexcept nogil
        void (*background_pairs)(const background_tree *b, const double *planes, int64_t n_rows,
                                 const double *others, int64_t n_others, int64_t n_planes, int64_t n_columns,
                                 int64_t n_outputs, const double *inverse, const background_room *room,
                                 double *sums) noexcept nogil
        void (*background_mean)(const background_tree *b, const double *planes, int64_t n_rows, int64_t n_planes,
                                int64_t n_outputs, double *sums) noexcept nogil
        void (*gradient_rows)(const gradient_task *task, int64_t lo, int64_t hi) noexcept nogil
        void (*gradient_lse)(const double *raw, int64_t stride, int32_t n_outputs, int64_t lo, int64_t hi,
                             double *lse) noexcept nogil
        void (*gradient_focal)(const double *raw, int64_t stride, const int32_t *y, const double *lse, double gamma,
                               int64_t lo, int64_t hi, float *focal, int64_t focal_stride) noexcept nogil
        void (*gradient_stats)(const float *g, const float *h, int64_t n, GradientStats *stats) noexcept nogil
        void (*gradient_pack)(const float *g, const float *h, const uint32_t *rows, int64_t lo, int64_t hi,
                              uint64_t key, uint32_t *gh, Packed *block) noexcept nogil
        void (*histogram_rows)(const histogram_block *block, int32_t counted, const uint32_t *rows, int64_t first,
                               const uint32_t *gh, int64_t n, int64_t *cells) noexcept nogil
        void (*histogram_outputs)(const histogram_block *block, int64_t first, const uint32_t *const *gh,
                                  int32_t n_outputs, int64_t lo, int64_t hi, int64_t *lines) noexcept nogil
        void (*histogram_spread)(const int64_t *lines, int64_t n_parts, int64_t part_cells, int32_t n_outputs,
                                 int64_t lo, int64_t hi, int64_t *const *cells) noexcept nogil
        void (*histogram_add)(int64_t *cells, const int64_t *other, int64_t n) noexcept nogil
        void (*histogram_subtract)(int64_t *cells, const int64_t *other, int64_t n) noexcept nogil
        int64_t (*impurity_totals)(const impurity_params *params, const uint8_t *records, int64_t n,
                                   int64_t *totals) noexcept nogil
        int (*impurity_search)(const impurity_params *params, const impurity_node *node, const impurity_space *space,
                               impurity_split *best) noexcept nogil
        double (*impurity_value)(const impurity_params *params, const double *totals, const double *squares,
                                 double weight) noexcept nogil
        double (*impurity_medians)(const impurity_params *params, const impurity_node *node,
                                   const impurity_space *space, double *medians) noexcept nogil
        void (*loss_rows)(const gradient_task *task, int64_t stride, int32_t n_outputs, int64_t lo, int64_t hi,
                          LossSum *out) noexcept nogil
        int64_t (*partition_mask)(const uint8_t *column, const uint32_t *rows, int64_t first, int64_t n,
                                  const partition_rule *rule, uint64_t *mask) noexcept nogil
        void (*partition_apply)(const uint32_t *rows, int64_t first, const uint32_t *gh, int64_t n,
                                const uint64_t *mask, int64_t n_left, uint32_t *rows_left, uint32_t *gh_left,
                                uint32_t *rows_right, uint32_t *gh_right) noexcept nogil
        int64_t (*records_fill)(const records_layout *layout, const uint32_t *weights, const int64_t *targets,
                                int64_t lo, int64_t hi, uint8_t *out) noexcept nogil
        void (*records_gather)(const records_layout *layout, const uint8_t *records, int64_t n,
                               const int32_t *features, int32_t n_features, uint8_t *codes) noexcept nogil
        int64_t (*records_split)(const records_layout *layout, uint8_t *records, int64_t n, int32_t feature,
                                 const partition_rule *rule, uint8_t *right) noexcept nogil
        uint64_t (*records_recode)(const records_layout *layout, uint8_t *records, int64_t n, const recode_ranks *wide,
                                   uint64_t done, uint16_t *rank_of, int32_t *n_codes) noexcept nogil
        void (*row_cells_add)(const row_cells *lists, int32_t counted, const uint32_t *rows, int64_t first,
                              const uint32_t *gh, int64_t n, int64_t *cells) noexcept nogil
        void (*row_cells_outputs)(const row_cells *lists, int64_t first, const uint32_t *const *gh, int32_t n_outputs,
                                  int64_t lo, int64_t hi, int64_t *lines) noexcept nogil
        void (*row_cells_complete)(const row_cells_group *groups, int32_t n_groups, int32_t total,
                                   int64_t *cells) noexcept nogil
        int64_t (*row_cells_fill)(const uint8_t *codes, int64_t stride, int64_t n, const row_cells_group *groups,
                                  int32_t n_groups, int32_t total, int32_t filled, int64_t at, uint32_t *start,
                                  uint16_t *out) noexcept nogil
        void (*row_weights_measure)(const double *weights, int64_t n, row_weights_range *out) noexcept nogil
        void (*row_weights_judge)(const double *weights, const uint8_t *wrong, int64_t n, double *shares) noexcept nogil
        double (*row_weights_raise)(double *weights, const uint8_t *wrong, int64_t n, double factor) noexcept nogil
        void (*row_weights_divide)(double *weights, int64_t n, double total, double least) noexcept nogil
        int64_t (*row_weights_round)(const double *weights, int64_t n, double scale, uint32_t *out,
                                     uint32_t *most) noexcept nogil
        void (*shap_rows)(const shap_tree *tree, const double *planes, int64_t n_planes, int64_t n_columns,
                          int64_t n_outputs, int64_t n_groups, double *space, double *sums, int64_t sum_step,
                          double *pairs, int64_t pair_step) noexcept nogil
        void (*shap_known)(const shap_tree *tree, const double *planes, const uint8_t *known, int64_t n_planes,
                           int64_t n_groups, double *space, double *sums) noexcept nogil
        void (*split_numerical)(int64_t *cells, const int64_t *sibling, int32_t n_codes, const split_params *p,
                                const split_node *node, double floor_score,
                                split_candidate *best) noexcept nogil
        void (*split_general)(const int64_t *cells, const split_exact *exact, int32_t n_codes, int32_t monotone,
                              int32_t only, const split_params *p, const split_node *node,
                              split_candidate *best) noexcept nogil
        void (*split_categorical)(const int64_t *cells, const split_exact *exact, int32_t n_codes,
                                  const split_params *p, const split_node *node, split_candidate *best) noexcept nogil
        void (*split_expand)(const int64_t *cells, int32_t n_codes, int64_t *pairs, split_exact *exact) noexcept nogil
        void (*split_count)(const uint8_t *column, const uint32_t *rows, int64_t n, const double *weights,
                            split_exact *exact) noexcept nogil
        double (*split_leaf_value)(const split_params *p, const split_node *parent, int64_t g, int64_t h,
                                   int64_t n_rows, int sorted) noexcept nogil
        void (*binning_read)(const binning_column *column, const uint32_t *rows, int64_t first, int64_t n, int is_f32,
                             void *out) noexcept nogil
        void (*binning_plant)(const double *lower, int32_t n_lower, int32_t depth, double offset, float *tree32,
                              float *coarse, double *padded) noexcept nogil
        int32_t (*binning_cells)(const double *lower, int32_t n_lower, double *low, double *scale,
                                 uint8_t *cells) noexcept nogil
        int (*binning_coarse_pays)(const double *lower, int32_t n_lower, double offset) noexcept nogil
        uint8_t (*binning_code)(const binning_table *table, double x) noexcept nogil
        void (*binning_codes)(const binning_column *columns, const binning_table *tables, const int32_t *features,
                              int32_t n_features, int64_t first, int64_t n, uint8_t *out,
                              int64_t out_stride) noexcept nogil
        void (*binning_codes_csr)(const binning_csr *csr, const binning_table *tables, const int32_t *slot,
                                  int64_t first, int64_t n, uint8_t *out, int64_t row_stride,
                                  int64_t slot_stride) noexcept nogil
        void (*binning_transpose)(const uint8_t *source, int64_t from_stride, int64_t width, int64_t padded_width,
                                  int64_t n, uint8_t *to, int64_t to_stride) noexcept nogil
        void (*binning_take)(const uint8_t *source, int64_t stride, const uint32_t *rows, int64_t n,
                             uint8_t *to) noexcept nogil
        int64_t (*quantile_distinct)(const void *x, int is_f32, const double *weights, int64_t n,
                                     double *work) noexcept nogil
        int (*quantile_edges)(const double *values, const double *weights, int64_t n, int max_bins,
                              double *edges) noexcept nogil
        void (*quantile_collect)(const binning_column *column, const double *weights, int64_t first, int64_t n,
                                 int32_t capacity, quantile_set *set) noexcept nogil
        int (*quantile_tally)(const binning_column *column, const double *weights, int64_t first, int64_t n,
                              double *sums) noexcept nogil
        void (*single_row_codes)(const single_row_coder *coder, const void *row, int64_t stride, int is_f32,
                                 uint8_t *table) noexcept nogil
        void (*single_row_sums)(const single_row_pack *pack, const uint8_t *table, double *sums) noexcept nogil
        double (*single_row_line_ns)(int word_bytes) noexcept nogil
        void (*traverse_block)(const traverse_pack *pack, int64_t lo_tree, int64_t hi_tree,
                               const traverse_codes *codes, const traverse_space *space, double *sums) noexcept nogil
        void (*traverse_one)(const traverse_pack *pack, int64_t n_trees, const uint8_t *codes,
                             const traverse_space *space, double *sums) noexcept nogil
        void (*traverse_apply)(const traverse_pack *pack, int64_t n_trees, const traverse_codes *codes,
                               const traverse_space *space, int32_t *ids) noexcept nogil
        void (*traverse_gather)(const uint8_t *columns, int64_t column_stride, const int32_t *features,
                                int64_t n_planes, const uint32_t *rows, int64_t first, int32_t n_rows,
                                uint8_t *tile) noexcept nogil
        double (*traverse_step_ns)() noexcept nogil
        double (*traverse_level_ns)(int64_t n_nodes) noexcept nogil
        int (*key_walk_keys)(const double *rows, int64_t stride, const int32_t *features, int32_t width, int64_t n,
                             int32_t *keys, int64_t key_stride) noexcept nogil
        int32_t (*key_walk_threshold)(double t) noexcept nogil
        int64_t (*key_walk_rows)(const key_walk_pack *pack, int64_t tree, const int32_t *keys, int64_t stride,
                                 int64_t n, int told, uint32_t *leaf, uint32_t *doubted) noexcept nogil
        int64_t (*key_walk_trees)(const key_walk_pack *pack, int64_t tree, int64_t n, const int32_t *keys, int told,
                                  uint32_t *leaf, uint32_t *doubted) noexcept nogil
        void (*walk_rows)(const walk_tree *tree, const double *rows, int64_t stride, int64_t n,
                          uint32_t *leaf) noexcept nogil

# The table in use. A plain pointer, shared by every module that cimports it: select() changes it for all.
cdef const fastml_tree_kernels *K
