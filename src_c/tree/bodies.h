/* Every body of the tree engine, once per instruction set: included by the unity files isa_<isa>.c beside it
   and by nothing else. */
#include "simd.h"
#include "tree/kernels.h"

#include "tree/background.c"
#include "tree/background_pairs.c"
#include "tree/gradient.c"
#include "tree/binning.c"
#include "tree/histogram.c"
#include "tree/impurity.c"
#include "tree/key_walk.c"
#include "tree/loss.c"
#include "tree/partition.c"
#include "tree/quantile.c"
#include "tree/recode.c"
#include "tree/records.c"
#include "tree/row_cells.c"
#include "tree/row_weights.c"
#include "tree/shap.c"
#include "tree/single_row.c"
#include "tree/split.c"
#include "tree/traverse.c"
#include "tree/walk.c"

const fastml_tree_kernels FN(fastml_tree_kernels) = {
    .name = FASTML_STRING(FASTML_ISA),
    .background_count = FN(background_count),
    .background_table = FN(background_table),
    .background_rows = FN(background_rows),
    .background_pairs = FN(background_pairs),
    .background_mean = FN(background_mean),
    .gradient_rows = FN(gradient_rows),
    .gradient_lse = FN(gradient_lse),
    .gradient_focal = FN(gradient_focal),
    .gradient_stats = FN(gradient_stats),
    .gradient_pack = FN(gradient_pack),
    .histogram_rows = FN(histogram_rows),
    .histogram_add = FN(histogram_add),
    .histogram_subtract = FN(histogram_subtract),
    .impurity_totals = FN(impurity_totals),
    .impurity_search = FN(impurity_search),
    .impurity_value = FN(impurity_value),
    .impurity_medians = FN(impurity_medians),
    .key_walk_keys = FN(key_walk_keys),
    .key_walk_threshold = FN(key_walk_threshold),
    .key_walk_rows = FN(key_walk_rows),
    .key_walk_trees = FN(key_walk_trees),
    .loss_rows = FN(loss_rows),
    .partition_mask = FN(partition_mask),
    .partition_apply = FN(partition_apply),
    .records_fill = FN(records_fill),
    .records_gather = FN(records_gather),
    .records_split = FN(records_split),
    .records_recode = FN(records_recode),
    .row_cells_add = FN(row_cells_add),
    .row_cells_complete = FN(row_cells_complete),
    .row_cells_fill = FN(row_cells_fill),
    .row_weights_measure = FN(row_weights_measure),
    .row_weights_judge = FN(row_weights_judge),
    .row_weights_raise = FN(row_weights_raise),
    .row_weights_divide = FN(row_weights_divide),
    .row_weights_round = FN(row_weights_round),
    .shap_rows = FN(shap_rows),
    .shap_known = FN(shap_known),
    .single_row_codes = FN(single_row_codes),
    .single_row_sums = FN(single_row_sums),
    .single_row_line_ns = FN(single_row_line_ns),
    .split_numerical = FN(split_numerical),
    .split_general = FN(split_general),
    .split_categorical = FN(split_categorical),
    .split_expand = FN(split_expand),
    .split_count = FN(split_count),
    .split_leaf_value = FN(split_leaf_value),
    .binning_read = FN(binning_read),
    .binning_plant = FN(binning_plant),
    .binning_cells = FN(binning_cells),
    .binning_coarse_pays = FN(binning_coarse_pays),
    .binning_code = FN(binning_code),
    .binning_codes = FN(binning_codes),
    .binning_codes_csr = FN(binning_codes_csr),
    .binning_transpose = FN(binning_transpose),
    .binning_take = FN(binning_take),
    .quantile_distinct = FN(quantile_distinct),
    .quantile_edges = FN(quantile_edges),
    .quantile_collect = FN(quantile_collect),
    .quantile_tally = FN(quantile_tally),
    .traverse_block = FN(traverse_block),
    .traverse_one = FN(traverse_one),
    .traverse_apply = FN(traverse_apply),
    .traverse_gather = FN(traverse_gather),
    .traverse_step_ns = FN(traverse_step_ns),
    .traverse_level_ns = FN(traverse_level_ns),
    .walk_rows = FN(walk_rows),
    .histogram_outputs = FN(histogram_outputs),
    .histogram_spread = FN(histogram_spread),
    .row_cells_outputs = FN(row_cells_outputs),
};
