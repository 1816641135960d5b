/* The tree engine's table of kernels: one constant table per instruction set, one of them chosen at import.
 */
#ifndef FASTML_TREE_KERNELS_H
#define FASTML_TREE_KERNELS_H

#include <stdint.h>

#include "tree/background.h"
#include "tree/gradient.h"
#include "tree/binning.h"
#include "tree/impurity.h"
#include "tree/key_walk.h"
#include "tree/loss.h"
#include "tree/partition.h"
#include "tree/quantile.h"
#include "tree/recode.h"
#include "tree/records.h"
#include "tree/row_cells.h"
#include "tree/row_weights.h"
#include "tree/shap.h"
#include "tree/single_row.h"
#include "tree/split.h"
#include "tree/traverse.h"
#include "tree/walk.h"

typedef struct fastml_tree_kernels {
    const char *name; /* "serial", "avx2", "avx512" or "neon" */
    /* tree/background */
    void (*background_count)(const background_tree *b, const double *planes, int64_t n_planes, int64_t n_rows,
                             double *space);
    void (*background_table)(const background_leaf *leaf, const double *counts, double total,
                             const double *points, const double *weights, int32_t n_points, double *space,
                             double *table);
    void (*background_rows)(const background_tree *b, const double *planes, int64_t n_columns,
                            int64_t n_outputs, double *space, double *sums);
    void (*background_pairs)(const background_tree *b, const double *planes, int64_t n_rows,
                             const double *others, int64_t n_others, int64_t n_planes, int64_t n_columns,
                             int64_t n_outputs, const double *inverse, const background_room *room,
                             double *sums);
    void (*background_mean)(const background_tree *b, const double *planes, int64_t n_rows, int64_t n_planes,
                            int64_t n_outputs, double *sums);
    /* tree/gradient */
    void (*gradient_rows)(const gradient_task *task, int64_t lo, int64_t hi);
    void (*gradient_lse)(const double *raw, int64_t stride, int32_t n_outputs, int64_t lo, int64_t hi,
                         double *lse);
    void (*gradient_focal)(const double *raw, int64_t stride, const int32_t *y, const double *lse,
                           double gamma, int64_t lo, int64_t hi, float *focal, int64_t focal_stride);
    void (*gradient_stats)(const float *g, const float *h, int64_t n, GradientStats *stats);
    void (*gradient_pack)(const float *g, const float *h, const uint32_t *rows, int64_t lo, int64_t hi,
                          uint64_t key, uint32_t *gh, Packed *block);
    /* tree/histogram */
    void (*histogram_rows)(const histogram_block *block, int32_t counted, const uint32_t *rows, int64_t first,
                           const uint32_t *gh, int64_t n, int64_t *cells);
    void (*histogram_add)(int64_t *cells, const int64_t *other, int64_t n);
    void (*histogram_subtract)(int64_t *cells, const int64_t *other, int64_t n);
    /* tree/impurity */
    int64_t (*impurity_totals)(const impurity_params *params, const uint8_t *records, int64_t n,
                               int64_t *totals);
    int (*impurity_search)(const impurity_params *params, const impurity_node *node,
                           const impurity_space *space, impurity_split *best);
    double (*impurity_value)(const impurity_params *params, const double *totals, const double *squares,
                             double weight);
    double (*impurity_medians)(const impurity_params *params, const impurity_node *node,
                               const impurity_space *space, double *medians);
    /* tree/key_walk */
    int (*key_walk_keys)(const double *rows, int64_t stride, const int32_t *features, int32_t width,
                         int64_t n, int32_t *keys, int64_t key_stride);
    int32_t (*key_walk_threshold)(double t);
    int64_t (*key_walk_rows)(const key_walk_pack *pack, int64_t tree, const int32_t *keys, int64_t stride,
                             int64_t n, int told, uint32_t *leaf, uint32_t *doubted);
    int64_t (*key_walk_trees)(const key_walk_pack *pack, int64_t tree, int64_t n, const int32_t *keys,
                              int told, uint32_t *leaf, uint32_t *doubted);
    /* tree/loss */
    void (*loss_rows)(const gradient_task *task, int64_t stride, int32_t n_outputs, int64_t lo, int64_t hi,
                      LossSum *out);
    /* tree/partition */
    int64_t (*partition_mask)(const uint8_t *column, const uint32_t *rows, int64_t first, int64_t n,
                              const partition_rule *rule, uint64_t *mask);
    void (*partition_apply)(const uint32_t *rows, int64_t first, const uint32_t *gh, int64_t n,
                            const uint64_t *mask, int64_t n_left, uint32_t *rows_left, uint32_t *gh_left,
                            uint32_t *rows_right, uint32_t *gh_right);
    /* tree/records */
    int64_t (*records_fill)(const records_layout *layout, const uint32_t *weights, const int64_t *targets,
                            int64_t lo, int64_t hi, uint8_t *out);
    void (*records_gather)(const records_layout *layout, const uint8_t *records, int64_t n,
                           const int32_t *features, int32_t n_features, uint8_t *codes);
    int64_t (*records_split)(const records_layout *layout, uint8_t *records, int64_t n, int32_t feature,
                             const partition_rule *rule, uint8_t *right);
    uint64_t (*records_recode)(const records_layout *layout, uint8_t *records, int64_t n,
                               const recode_ranks *wide, uint64_t done, uint16_t *rank_of, int32_t *n_codes);
    /* tree/row_cells */
    void (*row_cells_add)(const row_cells *lists, int32_t counted, const uint32_t *rows, int64_t first,
                          const uint32_t *gh, int64_t n, int64_t *cells);
    void (*row_cells_complete)(const row_cells_group *groups, int32_t n_groups, int32_t total,
                               int64_t *cells);
    int64_t (*row_cells_fill)(const uint8_t *codes, int64_t stride, int64_t n, const row_cells_group *groups,
                              int32_t n_groups, int32_t total, int32_t filled, int64_t at, uint32_t *start,
                              uint16_t *out);
    /* tree/row_weights */
    void (*row_weights_measure)(const double *weights, int64_t n, row_weights_range *out);
    void (*row_weights_judge)(const double *weights, const uint8_t *wrong, int64_t n, double *shares);
    double (*row_weights_raise)(double *weights, const uint8_t *wrong, int64_t n, double factor);
    void (*row_weights_divide)(double *weights, int64_t n, double total, double least);
    int64_t (*row_weights_round)(const double *weights, int64_t n, double scale, uint32_t *out,
                                 uint32_t *most);
    /* tree/shap */
    void (*shap_rows)(const shap_tree *tree, const double *planes, int64_t n_planes, int64_t n_columns,
                      int64_t n_outputs, int64_t n_groups, double *space, double *sums, int64_t sum_step,
                      double *pairs, int64_t pair_step);
    void (*shap_known)(const shap_tree *tree, const double *planes, const uint8_t *known, int64_t n_planes,
                       int64_t n_groups, double *space, double *sums);
    /* tree/split */
    void (*split_numerical)(int64_t *cells, const int64_t *sibling, int32_t n_codes, const split_params *p,
                            const split_node *node, double floor_score, split_candidate *best);
    void (*split_general)(const int64_t *cells, const split_exact *exact, int32_t n_codes, int32_t monotone,
                          int32_t only, const split_params *p, const split_node *node, split_candidate *best);
    void (*split_categorical)(const int64_t *cells, const split_exact *exact, int32_t n_codes,
                              const split_params *p, const split_node *node, split_candidate *best);
    void (*split_expand)(const int64_t *cells, int32_t n_codes, int64_t *pairs, split_exact *exact);
    void (*split_count)(const uint8_t *column, const uint32_t *rows, int64_t n, const double *weights,
                        split_exact *exact);
    double (*split_leaf_value)(const split_params *p, const split_node *parent, int64_t g, int64_t h,
                               int64_t n_rows, int sorted);
    /* tree/binning */
    void (*binning_read)(const binning_column *column, const uint32_t *rows, int64_t first, int64_t n,
                         int is_f32, void *out);
    void (*binning_plant)(const double *lower, int32_t n_lower, int32_t depth, double offset, float *tree32,
                          float *coarse, double *padded);
    int32_t (*binning_cells)(const double *lower, int32_t n_lower, double *low, double *scale,
                             uint8_t *cells);
    int (*binning_coarse_pays)(const double *lower, int32_t n_lower, double offset);
    uint8_t (*binning_code)(const binning_table *table, double x);
    void (*binning_codes)(const binning_column *columns, const binning_table *tables, const int32_t *features,
                          int32_t n_features, int64_t first, int64_t n, uint8_t *out, int64_t out_stride);
    void (*binning_codes_csr)(const binning_csr *csr, const binning_table *tables, const int32_t *slot,
                              int64_t first, int64_t n, uint8_t *out, int64_t row_stride,
                              int64_t slot_stride);
    void (*binning_transpose)(const uint8_t *from, int64_t from_stride, int64_t width, int64_t padded_width,
                              int64_t n, uint8_t *to, int64_t to_stride);
    void (*binning_take)(const uint8_t *from, int64_t stride, const uint32_t *rows, int64_t n, uint8_t *to);
    /* tree/quantile */
    int64_t (*quantile_distinct)(const void *x, int is_f32, const double *weights, int64_t n, double *work);
    int (*quantile_edges)(const double *values, const double *weights, int64_t n, int max_bins,
                          double *edges);
    void (*quantile_collect)(const binning_column *column, const double *weights, int64_t first, int64_t n,
                             int32_t capacity, quantile_set *set);
    int (*quantile_tally)(const binning_column *column, const double *weights, int64_t first, int64_t n,
                          double *sums);
    /* tree/single_row */
    void (*single_row_codes)(const single_row_coder *coder, const void *row, int64_t stride, int is_f32,
                             uint8_t *table);
    void (*single_row_sums)(const single_row_pack *pack, const uint8_t *table, double *sums);
    double (*single_row_line_ns)(int word_bytes);
    /* tree/traverse */
    void (*traverse_block)(const traverse_pack *pack, int64_t lo_tree, int64_t hi_tree,
                           const traverse_codes *codes, const traverse_space *space, double *sums);
    void (*traverse_one)(const traverse_pack *pack, int64_t n_trees, const uint8_t *codes,
                         const traverse_space *space, double *sums);
    void (*traverse_apply)(const traverse_pack *pack, int64_t n_trees, const traverse_codes *codes,
                           const traverse_space *space, int32_t *ids);
    void (*traverse_gather)(const uint8_t *columns, int64_t column_stride, const int32_t *features,
                            int64_t n_planes, const uint32_t *rows, int64_t first, int32_t n_rows,
                            uint8_t *tile);
    double (*traverse_step_ns)(void);
    double (*traverse_level_ns)(int64_t n_nodes);
    /* tree/walk */
    void (*walk_rows)(const walk_tree *tree, const double *rows, int64_t stride, int64_t n, uint32_t *leaf);
    /* several outputs at once: tree/histogram, tree/row_cells */
    void (*histogram_outputs)(const histogram_block *block, int64_t first, const uint32_t *const *gh,
                              int32_t n_outputs, int64_t lo, int64_t hi, int64_t *lines);
    void (*histogram_spread)(const int64_t *lines, int64_t n_parts, int64_t part_cells, int32_t n_outputs,
                             int64_t lo, int64_t hi, int64_t *const *cells);
    void (*row_cells_outputs)(const row_cells *lists, int64_t first, const uint32_t *const *gh,
                              int32_t n_outputs, int64_t lo, int64_t hi, int64_t *lines);
} fastml_tree_kernels;

extern const fastml_tree_kernels fastml_tree_kernels_serial;
extern const fastml_tree_kernels fastml_tree_kernels_avx2;
extern const fastml_tree_kernels fastml_tree_kernels_avx512;
extern const fastml_tree_kernels fastml_tree_kernels_neon;

#endif
