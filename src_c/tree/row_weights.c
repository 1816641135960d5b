/* See row_weights.h. */
#include "row_weights.h"

/* Lanes are arrays that a loop goes over as a whole: compilers put them into registers, however wide these
 * are, and the rows that are left over take part in the same way. */
static ALWAYS_INLINE double row_weights_fold(double *lanes) {
    for (int half = ROW_WEIGHTS_LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lanes[j] += lanes[j + half];
    return lanes[0];
}

/* Least, greatest and sum of n weights, n at least 1. */
void FN(row_weights_measure)(const double *weights, int64_t n, row_weights_range *out) {
    enum { L = ROW_WEIGHTS_LANES };
    const double large = 4503599627370496.0; /* 2^52: to add it leaves no room for fractions */
    double least[L], most[L], sum[L] = {0}, parts[L] = {0};
    for (int j = 0; j < L; j++)
        least[j] = most[j] = weights[0];
    int64_t i = 0;
    for (; i + L <= n; i += L)
        for (int j = 0; j < L; j++) {
            const double w = weights[i + j], fraction = w - ((w + large) - large);
            least[j] = w < least[j] ? w : least[j];
            most[j] = w > most[j] ? w : most[j];
            sum[j] += w;
            parts[j] += fraction * fraction;
        }
    for (; i < n; i++) {
        const int j = (int)(i % L);
        const double w = weights[i], fraction = w - ((w + large) - large);
        least[j] = w < least[j] ? w : least[j];
        most[j] = w > most[j] ? w : most[j];
        sum[j] += w;
        parts[j] += fraction * fraction;
    }
    for (int j = 1; j < L; j++) {
        least[0] = least[j] < least[0] ? least[j] : least[0];
        most[0] = most[j] > most[0] ? most[j] : most[0];
    }
    out->least = least[0];
    out->most = most[0];
    out->sum = row_weights_fold(sum);
    out->whole = row_weights_fold(parts) == 0;
}

/* shares[0] = sum of the weights, shares[1] = of those where wrong[i] is 1; it is 0 elsewhere. */
void FN(row_weights_judge)(const double *weights, const uint8_t *wrong, int64_t n, double *shares) {
    enum { L = ROW_WEIGHTS_LANES };
    double all[L] = {0}, part[L] = {0};
    int64_t i = 0;
    for (; i + L <= n; i += L)
        for (int j = 0; j < L; j++) {
            all[j] += weights[i + j];
            part[j] += weights[i + j] * (double)wrong[i + j];
        }
    for (; i < n; i++) {
        all[i % L] += weights[i];
        part[i % L] += weights[i] * (double)wrong[i];
    }
    shares[0] = row_weights_fold(all);
    shares[1] = row_weights_fold(part);
}

/* Multiplies the weights where wrong[i] is 1 by `factor`, but for those that are 0; returns the new sum. */
double FN(row_weights_raise)(double *weights, const uint8_t *wrong, int64_t n, double factor) {
    enum { L = ROW_WEIGHTS_LANES };
    double sum[L] = {0};
    int64_t i = 0;
    for (; i + L <= n; i += L)
        for (int j = 0; j < L; j++) {
            /* what is compared are doubles, as wide as what is chosen: bytes would be chosen by one by one */
            const double w = weights[i + j], raised = w * factor, chosen = w * (double)wrong[i + j];
            const double now = chosen > 0 ? raised : w;
            weights[i + j] = now;
            sum[j] += now;
        }
    for (; i < n; i++) {
        if (wrong[i] && weights[i] > 0)
            weights[i] *= factor;
        sum[i % L] += weights[i];
    }
    return row_weights_fold(sum);
}

/* Divides the weights by `total`; what is not 0 becomes no less than `least`. */
void FN(row_weights_divide)(double *weights, int64_t n, double total, double least) {
    for (int64_t i = 0; i < n; i++) {
        const double w = weights[i], share = w / total, kept = share > least ? share : least;
        weights[i] = w > 0 ? kept : 0.0;
    }
}

/* Weights times scale as whole numbers, halves rounded down, 1 at least where the weight is not 0; all below
 * 2^31. Returns their sum. most: the greatest. */
int64_t FN(row_weights_round)(const double *weights, int64_t n, double scale, uint32_t *out, uint32_t *most) {
    int64_t total = 0;
    int32_t greatest = 0;
    for (int64_t i = 0; i < n; i++) {
        const double scaled = weights[i] * scale;
        int32_t w = (int32_t)(scaled + 0.5);
        w -= (double)w - 0.5 == scaled;
        w += (w == 0) & (weights[i] > 0);
        out[i] = (uint32_t)w;
        total += w;
        greatest = w > greatest ? w : greatest;
    }
    *most = (uint32_t)greatest;
    return total;
}
