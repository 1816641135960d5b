/* Every body of the dense engine, once per instruction set: included by the unity files isa_<isa>.c beside it
   and by nothing else. */
#include "simd.h"
#include "dense/kernels.h"

#include "dense/digamma.c"
#include "dense/forward_backward.c"
#include "dense/gaussian.c"
#include "dense/nearest.c"
#include "dense/neighbourhood.c"
#include "dense/online.c"
#include "dense/topics.c"
#include "dense/vmath.c"

/* the table's line of a kernel that comes in both types */
#define BOTH(name) .name##_f32 = FN(name##_f32), .name##_f64 = FN(name##_f64)

const fastml_dense_kernels FN(fastml_dense_kernels) = {
    BOTH(digamma_exp),
    .digamma_psi_f64 = FN(digamma_psi_f64),
    .digamma_log_gamma_f64 = FN(digamma_log_gamma_f64),

    BOTH(forward_backward_pack),
    .forward_backward_backward = FN(forward_backward_backward),
    .forward_backward_count = FN(forward_backward_count),
    .forward_backward_cut = FN(forward_backward_cut),
    .forward_backward_densities = FN(forward_backward_densities),
    .forward_backward_forward = FN(forward_backward_forward),
    .forward_backward_likelihood = FN(forward_backward_likelihood),
    .forward_backward_lookup = FN(forward_backward_lookup),
    .forward_backward_mix = FN(forward_backward_mix),
    .forward_backward_mix_log = FN(forward_backward_mix_log),
    .forward_backward_n_lanes = FN(forward_backward_n_lanes),
    .forward_backward_path = FN(forward_backward_path),
    .forward_backward_path_alone = FN(forward_backward_path_alone),
    .forward_backward_scale = FN(forward_backward_scale),
    .forward_backward_share = FN(forward_backward_share),
    .forward_backward_sums = FN(forward_backward_sums),
    .forward_backward_totals = FN(forward_backward_totals),
    .forward_backward_unpack = FN(forward_backward_unpack),

    .gaussian_blocks = FN(gaussian_blocks),
    BOTH(gaussian_room),
    BOTH(gaussian_accumulate),
    .gaussian_missing_room = FN(gaussian_missing_room),
    BOTH(gaussian_missing),
    BOTH(gaussian_moments),
    BOTH(gaussian_score),

    .nearest_pairs_speed = FN(nearest_pairs_speed),
    BOTH(nearest_packed_size),
    BOTH(nearest_scratch_size),
    BOTH(nearest_pack),
    BOTH(nearest_find),
    BOTH(nearest_measure),
    BOTH(nearest_add),
    BOTH(nearest_gather),

    .neighbourhood_smooth = FN(neighbourhood_smooth),

    BOTH(online_train),

    BOTH(topics_weights),
    BOTH(topics_document),
    BOTH(topics_accumulate),
    BOTH(topics_update),
    BOTH(topics_fade),
    BOTH(topics_score),

    BOTH(vmath_exp),
    BOTH(vmath_log),
};
