/* The dense engine's table of kernels: one constant table per instruction set, one of them chosen at import.
 * Every kernel comes for float32 and for float64. */
#ifndef FASTML_DENSE_KERNELS_H
#define FASTML_DENSE_KERNELS_H

#include <stdint.h>

#include "dense/forward_backward.h"
#include "dense/gaussian.h"
#include "dense/nearest.h"
#include "dense/neighbourhood.h"
#include "dense/online.h"
#include "dense/topics.h"

typedef struct fastml_dense_kernels {
    /* dense/digamma */
    void (*digamma_exp_f32)(const float *x, int64_t n, float *out);
    void (*digamma_exp_f64)(const double *x, int64_t n, double *out);
    void (*digamma_psi_f64)(const double *x, int64_t n, double *out);
    void (*digamma_log_gamma_f64)(const double *x, int64_t n, double *out);

    /* dense/forward_backward */
    void (*forward_backward_backward)(const forward_backward_chain *chain, const double *d,
                                      const double *alpha, const double *inverse, int64_t n_frames,
                                      double *beta, const double *end, const double *ends, int64_t last_end,
                                      double *gamma, double *w, double *doubt);
    void (*forward_backward_count)(const double *gamma, int64_t n_padded, const int32_t *symbols,
                                   const forward_backward_lanes *lanes, int64_t t0, int64_t t1,
                                   double *counts);
    void (*forward_backward_cut)(double *x, int64_t n_rows, const int64_t *to, int64_t t0, int64_t t1);
    void (*forward_backward_densities)(const forward_backward_emission *e, const double *x,
                                       const double *known, int64_t n_frames, double *out);
    void (*forward_backward_forward)(const forward_backward_chain *chain, const double *d, int64_t n_frames,
                                     int64_t at_start, const double *start, double *scratch, double *alpha,
                                     double *inverse);
    void (*forward_backward_likelihood)(const double *shift, const double *inverse, const int64_t *since,
                                        const int64_t *to, int64_t n_frames, double *total);
    void (*forward_backward_lookup)(const int32_t *symbols, const forward_backward_lanes *lanes, int64_t t0,
                                    int64_t t1, const double *table, const double *tops, int64_t n_states,
                                    double missing, double *out, double *shift);
    void (*forward_backward_mix)(const double *components, int64_t n_frames, int64_t n_states, int64_t n_mix,
                                 double *states);
    void (*forward_backward_mix_log)(const double *components, int64_t n_frames, int64_t n_states,
                                     int64_t n_mix, double *states);
    int32_t (*forward_backward_n_lanes)(void);
    void (*forward_backward_pack_f32)(const float *input, int64_t n_features, const double *centre,
                                      const forward_backward_lanes *lanes, int64_t t0, int64_t t1,
                                      int32_t entries, int64_t n_rows, double *x, double *known);
    void (*forward_backward_pack_f64)(const double *input, int64_t n_features, const double *centre,
                                      const forward_backward_lanes *lanes, int64_t t0, int64_t t1,
                                      int32_t entries, int64_t n_rows, double *x, double *known);
    void (*forward_backward_path)(const double *log_transposed, int64_t n_states, const double *d,
                                  int64_t n_frames, int64_t at_start, const double *start, double *best,
                                  double *next, int16_t *back);
    void (*forward_backward_path_alone)(const double *log_moves, int64_t n_states, int64_t wide,
                                        const double *d, int64_t n_frames, int64_t at_start,
                                        const double *start, double *best, double *next, int16_t *back);
    void (*forward_backward_scale)(double *d, int64_t n_frames, int64_t n_components, double *shift);
    void (*forward_backward_share)(const double *gamma, const double *d, const double *components,
                                   int64_t n_frames, int64_t n_states, int64_t n_mix, double *out);
    void (*forward_backward_sums)(const double *a, int64_t a_line, int64_t n_a, const double *b,
                                  int64_t b_line, int64_t n_b, const int32_t *left, const int32_t *right,
                                  int64_t n_frames, double *cells);
    void (*forward_backward_totals)(const double *a, int64_t n_a, int64_t n_frames, double *cells);
    void (*forward_backward_unpack)(const double *in, int64_t n_padded, int64_t n,
                                    const forward_backward_lanes *lanes, int64_t t0, int64_t t1, double *out);

    /* dense/gaussian */
    void (*gaussian_blocks)(int32_t n_components, int32_t *pairs, int32_t *components);
    int64_t (*gaussian_room_f32)(const gaussian_shape *shape);
    int64_t (*gaussian_room_f64)(const gaussian_shape *shape);
    void (*gaussian_accumulate_f32)(const gaussian_shape *shape, const float *x, const gaussian_rows *rows,
                                    const float *shift, const float *factors, const float *constants,
                                    float *work, double *sums, gaussian_totals *totals);
    void (*gaussian_accumulate_f64)(const gaussian_shape *shape, const double *x, const gaussian_rows *rows,
                                    const double *shift, const double *factors, const double *constants,
                                    double *work, double *sums, gaussian_totals *totals);
    int64_t (*gaussian_missing_room)(const gaussian_shape *shape);
    void (*gaussian_missing_f32)(const gaussian_shape *shape, const float *x, const gaussian_rows *rows,
                                 const float *shift, const double *packed, const double *factors,
                                 const double *offsets, const double *constants, double *work, double *sums,
                                 double *first, double *second, gaussian_totals *totals,
                                 float *log_likelihood, int64_t *label, float *resp, float *densities);
    void (*gaussian_missing_f64)(const gaussian_shape *shape, const double *x, const gaussian_rows *rows,
                                 const double *shift, const double *packed, const double *factors,
                                 const double *offsets, const double *constants, double *work, double *sums,
                                 double *first, double *second, gaussian_totals *totals,
                                 double *log_likelihood, int64_t *label, double *resp, double *densities);
    void (*gaussian_moments_f32)(const gaussian_shape *shape, const float *x, const gaussian_rows *rows,
                                 const float *shift, const int32_t *label, const float *resp, float *work,
                                 double *sums);
    void (*gaussian_moments_f64)(const gaussian_shape *shape, const double *x, const gaussian_rows *rows,
                                 const double *shift, const int32_t *label, const double *resp, double *work,
                                 double *sums);
    void (*gaussian_score_f32)(const gaussian_shape *shape, const float *x, const gaussian_rows *rows,
                               const float *shift, const float *factors, const float *constants, float *work,
                               float *log_likelihood, int64_t *label, float *resp, float *densities);
    void (*gaussian_score_f64)(const gaussian_shape *shape, const double *x, const gaussian_rows *rows,
                               const double *shift, const double *factors, const double *constants,
                               double *work, double *log_likelihood, int64_t *label, double *resp,
                               double *densities);

    /* dense/nearest */
    double (*nearest_pairs_speed)(void);
    int64_t (*nearest_packed_size_f32)(const nearest_centroids *c);
    int64_t (*nearest_scratch_size_f32)(const nearest_centroids *c);
    void (*nearest_pack_f32)(const nearest_centroids *c);
    void (*nearest_find_f32)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                             int32_t *label, int32_t *second_label, double *others, void *scratch);
    void (*nearest_measure_f32)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                                const int32_t *label, const double *weight, void *distance, double *errors);
    void (*nearest_add_f32)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                            const int32_t *label, const int32_t *before, const double *weight, double *sums,
                            double *weights);
    void (*nearest_gather_f32)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                               const int64_t *order, int64_t j, const double *weight, double *sum,
                               double *weights, double *error);
    int64_t (*nearest_packed_size_f64)(const nearest_centroids *c);
    int64_t (*nearest_scratch_size_f64)(const nearest_centroids *c);
    void (*nearest_pack_f64)(const nearest_centroids *c);
    void (*nearest_find_f64)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                             int32_t *label, int32_t *second_label, double *others, void *scratch);
    void (*nearest_measure_f64)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                                const int32_t *label, const double *weight, void *distance, double *errors);
    void (*nearest_add_f64)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                            const int32_t *label, const int32_t *before, const double *weight, double *sums,
                            double *weights);
    void (*nearest_gather_f64)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                               const int64_t *order, int64_t j, const double *weight, double *sum,
                               double *weights, double *error);

    /* dense/neighbourhood */
    void (*neighbourhood_smooth)(const double *h, int64_t h_stride, int64_t m, int64_t p, const double *s,
                                 int64_t s_stride, int64_t w, double *out, int64_t out_stride);

    /* dense/online */
    double (*online_train_f32)(const online_map *map, const float *x, const float *y, float *panels,
                               const float *rows, const online_steps *steps);
    double (*online_train_f64)(const online_map *map, const double *x, const double *y, double *panels,
                               const double *rows, const online_steps *steps);

    /* dense/topics */
    void (*topics_weights_f32)(const float *topics, const float *scale, int kind, const int32_t *rows,
                               int64_t n, int64_t width, float *room, float *weights, double *peak);
    void (*topics_weights_f64)(const double *topics, const double *scale, int kind, const int32_t *rows,
                               int64_t n, int64_t width, double *room, double *weights, double *peak);
    int64_t (*topics_document_f32)(const float *weights, const topics_rule *rule, const float *prior,
                                   const int32_t *words, const float *counts, int64_t n, float *room,
                                   float *gamma, float *theta, float *ratio);
    int64_t (*topics_document_f64)(const double *weights, const topics_rule *rule, const double *prior,
                                   const int32_t *words, const double *counts, int64_t n, double *room,
                                   double *gamma, double *theta, double *ratio);
    void (*topics_accumulate_f32)(const int32_t *words, const float *ratio, int64_t n, const float *theta,
                                  int64_t width, double weight, double *stat);
    void (*topics_accumulate_f64)(const int32_t *words, const double *ratio, int64_t n, const double *theta,
                                  int64_t width, double weight, double *stat);
    void (*topics_update_f32)(float *topics, const float *weights, double *stat, const int32_t *rows,
                              int64_t n, int64_t width, double prior, double keep, double gain,
                              double *added);
    void (*topics_update_f64)(double *topics, const double *weights, double *stat, const int32_t *rows,
                              int64_t n, int64_t width, double prior, double keep, double gain,
                              double *added);
    void (*topics_fade_f32)(float *topics, const int32_t *rows, int64_t n, int64_t width, double prior,
                            const double *keep);
    void (*topics_fade_f64)(double *topics, const int32_t *rows, int64_t n, int64_t width, double prior,
                            const double *keep);
    double (*topics_score_f32)(const float *weights, const double *peak, const topics_rule *rule,
                               const float *prior, const int32_t *words, const float *counts, int64_t n,
                               double *room, const float *gamma);
    double (*topics_score_f64)(const double *weights, const double *peak, const topics_rule *rule,
                               const double *prior, const int32_t *words, const double *counts, int64_t n,
                               double *room, const double *gamma);

    /* dense/vmath */
    void (*vmath_exp_f32)(const float *x, int64_t n, float *out);
    void (*vmath_exp_f64)(const double *x, int64_t n, double *out);
    void (*vmath_log_f32)(const float *x, int64_t n, float *out);
    void (*vmath_log_f64)(const double *x, int64_t n, double *out);
} fastml_dense_kernels;

extern const fastml_dense_kernels fastml_dense_kernels_serial;
extern const fastml_dense_kernels fastml_dense_kernels_avx2;
extern const fastml_dense_kernels fastml_dense_kernels_avx512;
extern const fastml_dense_kernels fastml_dense_kernels_neon;

#endif
