/* Every body of the dense engine, once per instruction set: included by the unity files isa_<isa>.c beside it
   and by nothing else. */
#include "simd.h"
#include "dense/kernels.h"

#include "dense/digamma.c"
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

    .gaussian_blocks = FN(gaussian_blocks),
    BOTH(gaussian_room),
    BOTH(gaussian_accumulate),
    BOTH(gaussian_moments),
    BOTH(gaussian_score),

    BOTH(nearest_packed_size),
    BOTH(nearest_scratch_size),
    BOTH(nearest_pack),
    BOTH(nearest_find),
    BOTH(nearest_measure),
    BOTH(nearest_add),

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
