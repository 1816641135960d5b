/* Topic models: within the rounding of fused operations of the serial body. Documents take a fixed number of
   steps, so that a rounding cannot decide when one ends. */
#include "compare.h"

#include <math.h>

#define REAL 32
#include "compare_real.h"
#include "compare_topics_body.h"

#define REAL 64
#include "compare_real.h"
#include "compare_topics_body.h"

const dense_case topics_cases[] = {
    {"topics_accumulate_f32", accumulate_f32},
    {"topics_accumulate_f64", accumulate_f64},
    {"topics_document_f32", document_f32},
    {"topics_document_f64", document_f64},
    {"topics_fade_f32", fade_f32},
    {"topics_fade_f64", fade_f64},
    {"topics_score_f32", score_f32},
    {"topics_score_f64", score_f64},
    {"topics_update_f32", update_f32},
    {"topics_update_f64", update_f64},
    {"topics_weights_f32", weights_f32},
    {"topics_weights_f64", weights_f64},
    {NULL, NULL},
};
