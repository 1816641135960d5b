/* Sums of losses: see loss.h for the contract. */
#include <math.h>

#include "simd.h"
#include "tree/exp_log.h"
#include "tree/loss.h"

#define LOSS_CHUNK 256

/* log(1 + exp(s)), absolute error 1e-16 for s far below zero. */
static inline double softplus(double s) {
    return (s > 0.0 ? s : 0.0) + log_double(1.0 + exp_precise(-fabs(s)));
}

static inline double residual_huber(double error, double delta) {
    return error <= delta ? 0.5 * error * error : delta * (error - 0.5 * delta);
}

/* (1 - exp(-loss))^gamma * loss, the focal loss of a row with this log loss. */
static inline double focal_of(double loss, double gamma) {
    /* 1 - exp(-loss) without cancellation where loss is small: its series up to loss^3 */
    const double wrong =
        loss < 1e-4 ? loss * (1.0 - loss * (0.5 - loss * (1.0 / 6.0))) : 1.0 - exp_precise(-loss);
    return exp_precise(gamma * log_double(wrong > 1e-300 ? wrong : 1e-300)) * loss;
}

#define LOSSES(formula)                                                                                      \
    for (int64_t i = 0; i < m; i++)                                                                          \
        value[i] = formula;                                                                                  \
    break

/* Losses of m rows from row `first` on, the losses of one score a row. */
static inline void one_score_losses(const gradient_task *task, int64_t first, int64_t m,
                                    double *restrict value) {
    const double *restrict raw = task->raw + first, *restrict y = (const double *)task->y + first;
    const uint8_t *restrict y01 = (const uint8_t *)task->y + first;
    const double param = task->param;
    switch (task->loss) {
    case LOSS_SQUARED_ERROR:
        LOSSES(0.5 * (y[i] - raw[i]) * (y[i] - raw[i]));
    case LOSS_ABSOLUTE_ERROR:
        LOSSES(fabs(y[i] - raw[i]));
    case LOSS_HUBER:
        LOSSES(residual_huber(fabs(y[i] - raw[i]), param));
    case LOSS_QUANTILE:
        LOSSES((y[i] >= raw[i] ? param : param - 1.0) * (y[i] - raw[i]));
    case LOSS_POISSON:
        LOSSES(exp_precise(raw[i]) - y[i] * raw[i]);
    case LOSS_GAMMA:
        LOSSES(raw[i] + y[i] * exp_precise(-raw[i]));
    case LOSS_TWEEDIE:
        LOSSES(exp_precise((2.0 - param) * raw[i]) / (2.0 - param) +
               y[i] * exp_precise((1.0 - param) * raw[i]) / (param - 1.0));
    case LOSS_LOG_BINARY:
        LOSSES(softplus((1.0 - 2.0 * (double)(int32_t)y01[i]) * raw[i]));
    case LOSS_FOCAL_BINARY:
        LOSSES(focal_of(softplus((1.0 - 2.0 * (double)(int32_t)y01[i]) * raw[i]), param));
    default:
        LOSSES(0.0);
    }
}

/* The same for the multinomial losses: log of the sum over classes of exp(score - the true class's score). */
static inline void many_score_losses(const gradient_task *task, int64_t stride, int32_t n_outputs,
                                     int64_t first, int64_t m, double *restrict value) {
    const int32_t *y = (const int32_t *)task->y + first;
    double top[LOSS_CHUNK], own[LOSS_CHUNK];
    const double *column = task->raw + first;
    for (int64_t i = 0; i < m; i++) {
        own[i] = column[(int64_t)y[i] * stride + i];
        top[i] = column[i];
        value[i] = 0.0;
    }
    for (int32_t k = 1; k < n_outputs; k++) {
        column += stride;
        for (int64_t i = 0; i < m; i++)
            top[i] = column[i] > top[i] ? column[i] : top[i];
    }
    column = task->raw + first;
    for (int32_t k = 0; k < n_outputs; k++, column += stride)
        for (int64_t i = 0; i < m; i++)
            value[i] += exp_precise(column[i] - top[i]);
    for (int64_t i = 0; i < m; i++)
        value[i] = log_double(value[i]) + (top[i] - own[i]);
    if (task->loss == LOSS_FOCAL_MULTINOMIAL)
        for (int64_t i = 0; i < m; i++)
            value[i] = focal_of(value[i] > 0.0 ? value[i] : 0.0, task->param);
}

static inline double fold_losses(double *lane) {
    for (int half = LOSS_LANES / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

/* Rows [lo, hi). Of the task: loss, param, y, raw (the scores of output 0, the next output `stride` further),
 * weight. */
static void FN(loss_rows)(const gradient_task *task, int64_t stride, int32_t n_outputs, int64_t lo,
                          int64_t hi, LossSum *out) {
    const int multinomial = task->loss == LOSS_LOG_MULTINOMIAL || task->loss == LOSS_FOCAL_MULTINOMIAL;
    const double *restrict weight = task->weight;
    double value[LOSS_CHUNK], loss[LOSS_LANES] = {0.0}, total[LOSS_LANES] = {0.0};
    for (int64_t first = lo; first < hi; first += LOSS_CHUNK) {
        const int64_t m = hi - first < LOSS_CHUNK ? hi - first : LOSS_CHUNK;
        if (multinomial)
            many_score_losses(task, stride, n_outputs, first, m, value);
        else
            one_score_losses(task, first, m, value);
        if (weight)
            for (int64_t i = 0; i < m; i++)
                value[i] = weight[first + i] > 0.0 ? weight[first + i] * value[i] : 0.0;
        for (int64_t i = m; i < LOSS_CHUNK; i++)
            value[i] = 0.0;
        for (int i = 0; i < LOSS_CHUNK; i += LOSS_LANES)
            for (int j = 0; j < LOSS_LANES; j++)
                loss[j] += value[i + j];
        for (int64_t i = 0; weight && i < m; i += LOSS_LANES)
            for (int64_t j = 0; j < LOSS_LANES && i + j < m; j++)
                total[j] += weight[first + i + j];
    }
    out->loss = fold_losses(loss);
    out->weight = weight ? fold_losses(total) : (double)(hi - lo);
}
