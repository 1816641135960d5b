#include <string.h>

#include "compare.h"

/* A score: mostly moderate, now and then far out, where the formulas saturate. */
static double some_score(bench *b) {
    switch (below(b, 40)) {
    case 0:
        return 0.0;
    case 1:
        return 800.0 * bell(b);
    case 2:
        return 1e300 * bell(b);
    default:
        return 3.0 * bell(b);
    }
}

static double *doubles(bench *b, int64_t n, double (*draw)(bench *)) {
    double *values = room(b, (size_t)n * sizeof *values);
    for (int64_t i = 0; i < n; i++)
        values[i] = draw(b);
    return values;
}

static int32_t *classes(bench *b, int64_t n, int32_t n_outputs) {
    int32_t *y = room(b, (size_t)n * sizeof *y);
    for (int64_t i = 0; i < n; i++)
        y[i] = (int32_t)below(b, n_outputs);
    return y;
}

static double parameter(bench *b, int32_t loss) {
    switch (loss) {
    case LOSS_TWEEDIE:
        return 1.01 + 0.98 * uniform(b);
    case LOSS_QUANTILE:
        return 0.01 + 0.98 * uniform(b);
    default:
        return 3.0 * uniform(b);
    }
}

static void rows(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = 1 + some_rows(b, 2000), lo = below(b, n), hi = lo + below(b, n - lo + 1);
    const int32_t n_outputs = 2 + (int32_t)below(b, 5);
    for (int32_t loss = LOSS_SQUARED_ERROR; loss <= LOSS_GIVEN; loss++) {
        bench inner = {.random = bits64(b)}; /* rooms of its own: there are many losses */
        const int multinomial = loss == LOSS_LOG_MULTINOMIAL || loss == LOSS_FOCAL_MULTINOMIAL;
        double *raw = doubles(&inner, n * n_outputs, some_score);
        gradient_task task = {.loss = loss, .param = parameter(&inner, loss), .raw = raw};
        int32_t *y_class = classes(&inner, n, n_outputs);
        uint8_t *y01 = room(&inner, (size_t)n);
        for (int64_t i = 0; i < n; i++)
            y01[i] = (uint8_t)below(&inner, 2);
        task.y = loss == LOSS_LOG_BINARY || loss == LOSS_FOCAL_BINARY ? (const void *)y01
                 : multinomial ? (const void *)y_class
                               : (const void *)doubles(&inner, n, uniform);
        task.weight = below(&inner, 2) ? doubles(&inner, n, uniform) : NULL;
        double *lse = zeros(&inner, (size_t)n * sizeof *lse);
        float *focal = zeros(&inner, 3 * (size_t)n * sizeof *focal);
        if (multinomial) {
            task.output = (int32_t)below(&inner, n_outputs);
            task.raw = raw + task.output * n;
            fastml_tree_kernels_serial.gradient_lse(raw, n, n_outputs, 0, n, lse);
            task.lse = lse;
        }
        if (loss == LOSS_FOCAL_MULTINOMIAL) {
            fastml_tree_kernels_serial.gradient_focal(raw, n, y_class, lse, task.param, 0, n, focal, n);
            task.focal = focal;
            task.focal_stride = n;
        }
        task.g = zeros(&inner, (size_t)n * sizeof *task.g);
        task.h = below(&inner, 3) ? zeros(&inner, (size_t)n * sizeof *task.h) : NULL;
        k->gradient_rows(&task, lo, hi);
        keep(b, task.g, (size_t)n * sizeof *task.g);
        if (task.h)
            keep(b, task.h, (size_t)n * sizeof *task.h);
        release(&inner);
    }
}

static void lse(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = 1 + some_rows(b, 2000), lo = below(b, n), hi = lo + below(b, n - lo + 1);
    const int32_t n_outputs = 1 + (int32_t)below(b, 12);
    double *out = zeros(b, (size_t)n * sizeof *out);
    k->gradient_lse(doubles(b, n * n_outputs, some_score), n, n_outputs, lo, hi, out);
    keep(b, out, (size_t)n * sizeof *out);
}

static void focal(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = 1 + some_rows(b, 2000), lo = below(b, n), hi = lo + below(b, n - lo + 1);
    const int32_t n_outputs = 2 + (int32_t)below(b, 6);
    const double *raw = doubles(b, n * n_outputs, some_score);
    double *sums = zeros(b, (size_t)n * sizeof *sums);
    fastml_tree_kernels_serial.gradient_lse(raw, n, n_outputs, 0, n, sums);
    float *out = zeros(b, 3 * (size_t)n * sizeof *out);
    const int32_t *y = classes(b, n, n_outputs);
    k->gradient_focal(raw, n, y, sums, 4.0 * uniform(b), lo, hi, out, n);
    keep(b, out, 3 * (size_t)n * sizeof *out);
}

static void losses(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = 1 + some_rows(b, 2000), lo = below(b, n), hi = lo + below(b, n - lo + 1);
    const int32_t n_outputs = 2 + (int32_t)below(b, 5);
    const double *raw = doubles(b, n * n_outputs, some_score), *y = doubles(b, n, uniform);
    const int32_t *y_class = classes(b, n, n_outputs);
    const double *weight = below(b, 2) ? doubles(b, n, uniform) : NULL;
    uint8_t *y01 = room(b, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        y01[i] = (uint8_t)below(b, 2);
    for (int32_t loss = LOSS_SQUARED_ERROR; loss < LOSS_GIVEN; loss++) {
        const int binary = loss == LOSS_LOG_BINARY || loss == LOSS_FOCAL_BINARY;
        const int multinomial = loss == LOSS_LOG_MULTINOMIAL || loss == LOSS_FOCAL_MULTINOMIAL;
        const void *target = binary        ? (const void *)y01
                             : multinomial ? (const void *)y_class
                                           : (const void *)y;
        const gradient_task task = {
            .loss = loss, .param = parameter(b, loss), .y = target, .raw = raw, .weight = weight};
        LossSum out;
        k->loss_rows(&task, n, n_outputs, lo, hi, &out);
        keep(b, &out, sizeof out);
    }
}

/* Gradients or hessians below `top`; hessians are not negative and sometimes zero. */
static float *floats(bench *b, int64_t n, double top, int hessian) {
    float *values = room(b, (size_t)n * sizeof *values);
    for (int64_t i = 0; i < n; i++) {
        const double x = below(b, 50) ? uniform(b) : 0.0;
        values[i] = (float)(top * (hessian || below(b, 2) ? x : -x));
    }
    return values;
}

static void stats(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = some_rows(b, GRADIENT_BLOCK);
    GradientStats out;
    memset(&out, 0, sizeof out);
    const float *g = floats(b, n, 3.0, 0), *h = below(b, 3) ? floats(b, n, 1.0, 1) : NULL;
    k->gradient_stats(g, h, n, &out);
    keep(b, &out, sizeof out);
}

static void pack(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 9000);
    const int64_t lo = below(b, n_all), most = n_all - lo < GRADIENT_BLOCK ? n_all - lo : GRADIENT_BLOCK;
    const int64_t hi = lo + below(b, most + 1);
    const double scale_g = 0x1p8, scale_h = 0x1p10;
    const float *g = floats(b, n_all, GRADIENT_MAX_GQ / scale_g, 0);
    const float *h = below(b, 3) ? floats(b, n_all, GRADIENT_MAX_HQ / scale_h, 1) : NULL;
    const uint32_t *rows = below(b, 2) ? some_row_numbers(b, hi, n_all) : NULL;
    uint32_t *gh = zeros(b, (size_t)n_all * sizeof *gh);
    Packed packed;
    memset(&packed, 0, sizeof packed);
    packed.scale_g = scale_g;
    packed.scale_h = scale_h;
    k->gradient_pack(g, h, rows, lo, hi, bits64(b), gh, &packed);
    keep(b, gh, (size_t)n_all * sizeof *gh);
    keep(b, &packed, sizeof packed);
}

const kernel_case gradient_cases[] = {
    {"gradient_rows", rows},
    {"gradient_lse", lse},
    {"gradient_focal", focal},
    {"gradient_stats", stats},
    {"gradient_pack", pack},
    {"loss_rows", losses},
    {NULL, NULL},
};
