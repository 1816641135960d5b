/* The functions of digamma.h on arrays: by themselves, so that they can be tested. */
#include "dense/digamma.h"

#define REAL 32
#include "dense/real.h"
#include "dense/digamma_body.h"

#define REAL 64
#include "dense/real.h"
#include "dense/digamma_body.h"

/* out[i] = psi(x[i]) and log(gamma(x[i])) */
static void FN(digamma_psi_f64)(const double *x, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i += LANES_F64) {
        const int part = n - i < LANES_F64 ? (int)(n - i) : LANES_F64;
        f64_store_part(out + i, f64_digamma(f64_max(f64_load_part(x + i, part), f64_set(1e-280))), part);
    }
}

static void FN(digamma_log_gamma_f64)(const double *x, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i += LANES_F64) {
        const int part = n - i < LANES_F64 ? (int)(n - i) : LANES_F64;
        f64_store_part(out + i, f64_log_gamma(f64_max(f64_load_part(x + i, part), f64_set(1e-280))), part);
    }
}
