"""The dense engine's C kernels, seen from Cython: ``from fastml._engine.runtime.dense_kernels cimport D``.

Names end in the type that the kernel works in, ``_f32`` or ``_f64``.
"""

from libc.stdint cimport int16_t, int32_t, int64_t


cdef extern from "dense/forward_backward.h" nogil:
    ctypedef struct forward_backward_emission:
        int32_t kind, n_states, n_mix, n_features, n_rows
        const double *constant
        const double *scale
        const double *offset
        const double *factor
        const double *log_scale
    ctypedef struct forward_backward_lanes:
        int64_t first[8]
        int64_t since[8]
        int64_t to[8]
        int64_t n_frames
    ctypedef struct forward_backward_chain:
        int32_t n_padded
        const double *transitions
        const double *transposed


cdef extern from "dense/gaussian.h" nogil:
    enum:
        GAUSSIAN_FULL
        GAUSSIAN_TIED
        GAUSSIAN_DIAG
        GAUSSIAN_PANEL
        GAUSSIAN_TILE
        GAUSSIAN_BLOCK
        GAUSSIAN_WIDE

    ctypedef struct gaussian_shape:
        int32_t n_features, n_components, kind, missing, tile, n_pairs
        const int32_t *pairs

    ctypedef struct gaussian_rows:
        const int32_t *index
        const double *weight
        int64_t stride, first, n

    ctypedef struct gaussian_totals:
        double log_likelihood, entropy


cdef extern from "dense/nearest.h" nogil:
    enum:
        NEAREST_SQEUCLIDEAN
        NEAREST_COSINE
        NEAREST_MANHATTAN
        NEAREST_CHEBYSHEV

    ctypedef struct nearest_centroids:
        int64_t k
        int64_t d
        int32_t metric
        int32_t missing
        int32_t coarse
        const double *values
        const double *offset
        const double *feature_weight
        int64_t rank
        const double *basis
        const double *coordinates
        const double *rest
        void *packed

ctypedef int64_t (*nearest_size_t)(const nearest_centroids *c) noexcept nogil
ctypedef void (*nearest_pack_t)(const nearest_centroids *c) noexcept nogil
ctypedef void (*nearest_find_t)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                                int32_t *label, int32_t *second_label, double *others,
                                void *scratch) noexcept nogil
ctypedef void (*nearest_measure_t)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                                   const int32_t *label, const double *weight, void *distance,
                                   double *errors) noexcept nogil
ctypedef void (*nearest_add_t)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                               const int32_t *label, const int32_t *before, const double *weight,
                               double *sums, double *weights) noexcept nogil
ctypedef void (*nearest_gather_t)(const nearest_centroids *c, const void *x, int64_t stride, int64_t n,
                                  const int64_t *order, int64_t j, const double *weight, double *sum,
                                  double *weights, double *error) noexcept nogil


cdef extern from "dense/neighbourhood.h" nogil:
    int NEIGHBOURHOOD_STRIP


cdef extern from "dense/online.h" nogil:
    int ONLINE_NODES

    ctypedef struct online_map:
        int64_t n_panels, n_features
        double period_x, period_y
        int32_t metric, neighbourhood, is_chebyshev, has_missing

    ctypedef struct online_steps:
        int64_t n
        const int64_t *row
        const double *rate
        const double *radius


cdef extern from "dense/topics.h" nogil:
    ctypedef struct topics_rule:
        int64_t width, n_topics, max_iter
        double tolerance, negligible
    enum:
        TOPICS_MEAN
        TOPICS_EXPECTED_LOG
    int64_t topics_room(int64_t n, int64_t width)

cdef extern from "dense/kernels.h" nogil:
    ctypedef struct fastml_dense_kernels:
        void (*digamma_exp_f32)(const float *x, int64_t n, float *out) noexcept nogil
        void (*digamma_exp_f64)(const double *x, int64_t n, double *out) noexcept nogil
        void (*digamma_psi_f64)(const double *x, int64_t n, double *out) noexcept nogil
        void (*digamma_log_gamma_f64)(const double *x, int64_t n, double *out) noexcept nogil

        void (*forward_backward_backward)(
            const forward_backward_chain *chain, const double *d, const double *alpha, const double *inverse,
            int64_t n_frames, double *beta, const double *end, const double *ends, int64_t last_end, double *gamma,
            double *w, double *doubt) noexcept nogil
        void (*forward_backward_count)(
            const double *gamma, int64_t n_padded, const int32_t *symbols, const forward_backward_lanes *lanes,
            int64_t t0, int64_t t1, double *counts) noexcept nogil
        void (*forward_backward_cut)(
            double *x, int64_t n_rows, const int64_t *to, int64_t t0, int64_t t1) noexcept nogil
        void (*forward_backward_densities)(
            const forward_backward_emission *e, const double *x, const double *known, int64_t n_frames,
            double *out) noexcept nogil
        void (*forward_backward_forward)(
            const forward_backward_chain *chain, const double *d, int64_t n_frames, int64_t at_start,
            const double *start, double *scratch, double *alpha, double *inverse) noexcept nogil
        void (*forward_backward_likelihood)(
            const double *shift, const double *inverse, const int64_t *since, const int64_t *to, int64_t n_frames,
            double *total) noexcept nogil
        void (*forward_backward_lookup)(
            const int32_t *symbols, const forward_backward_lanes *lanes, int64_t t0, int64_t t1,
            const double *table, const double *tops, int64_t n_states, double missing, double *out,
            double *shift) noexcept nogil
        void (*forward_backward_mix)(
            const double *components, int64_t n_frames, int64_t n_states, int64_t n_mix,
            double *states) noexcept nogil
        void (*forward_backward_mix_log)(
            const double *components, int64_t n_frames, int64_t n_states, int64_t n_mix,
            double *states) noexcept nogil
        int32_t (*forward_backward_n_lanes)() noexcept nogil
        void (*forward_backward_pack_f32)(
            const float *input, int64_t n_features, const double *centre, const forward_backward_lanes *lanes,
            int64_t t0, int64_t t1, int32_t entries, int64_t n_rows, double *x, double *known) noexcept nogil
        void (*forward_backward_pack_f64)(
            const double *input, int64_t n_features, const double *centre, const forward_backward_lanes *lanes,
            int64_t t0, int64_t t1, int32_t entries, int64_t n_rows, double *x, double *known) noexcept nogil
        void (*forward_backward_path)(
            const double *log_transposed, int64_t n_states, const double *d, int64_t n_frames, int64_t at_start,
            const double *start, double *best, double *next, int16_t *back) noexcept nogil
        void (*forward_backward_path_alone)(
            const double *log_moves, int64_t n_states, int64_t wide, const double *d, int64_t n_frames,
            int64_t at_start, const double *start, double *best, double *next, int16_t *back) noexcept nogil
        void (*forward_backward_scale)(
            double *d, int64_t n_frames, int64_t n_components, double *shift) noexcept nogil
        void (*forward_backward_share)(
            const double *gamma, const double *d, const double *components, int64_t n_frames, int64_t n_states,
            int64_t n_mix, double *out) noexcept nogil
        void (*forward_backward_sums)(
            const double *a, int64_t a_line, int64_t n_a, const double *b, int64_t b_line, int64_t n_b,
            const int32_t *left, const int32_t *right, int64_t n_frames, double *cells) noexcept nogil
        void (*forward_backward_totals)(const double *a, int64_t n_a, int64_t n_frames, double *cells) noexcept nogil
        void (*forward_backward_unpack)(
            const double *lanes_in, int64_t n_padded, int64_t n, const forward_backward_lanes *lanes, int64_t t0,
            int64_t t1, double *out) noexcept nogil

        void (*gaussian_blocks)(int32_t n_components, int32_t *pairs, int32_t *components) noexcept nogil
        int64_t (*gaussian_room_f32)(const gaussian_shape *shape) noexcept nogil
        int64_t (*gaussian_room_f64)(const gaussian_shape *shape) noexcept nogil
        void (*gaussian_accumulate_f32)(const gaussian_shape *shape, const float *x, const gaussian_rows *rows,
                                        const float *shift, const float *factors, const float *constants,
                                        float *work, double *sums, gaussian_totals *totals) noexcept nogil
        void (*gaussian_accumulate_f64)(const gaussian_shape *shape, const double *x, const gaussian_rows *rows,
                                        const double *shift, const double *factors, const double *constants,
                                        double *work, double *sums, gaussian_totals *totals) noexcept nogil
        int64_t (*gaussian_missing_room)(const gaussian_shape *shape) noexcept nogil
        void (*gaussian_missing_f32)(const gaussian_shape *shape, const float *x, const gaussian_rows *rows,
                                     const float *shift, const double *packed, const double *factors,
                                     const double *offsets, const double *constants, double *work,
                                     double *sums, double *first, double *second, gaussian_totals *totals,
                                     float *log_likelihood, int64_t *label, float *resp,
                                     float *densities) noexcept nogil
        void (*gaussian_missing_f64)(const gaussian_shape *shape, const double *x, const gaussian_rows *rows,
                                     const double *shift, const double *packed, const double *factors,
                                     const double *offsets, const double *constants, double *work,
                                     double *sums, double *first, double *second, gaussian_totals *totals,
                                     double *log_likelihood, int64_t *label, double *resp,
                                     double *densities) noexcept nogil
        void (*gaussian_moments_f32)(const gaussian_shape *shape, const float *x, const gaussian_rows *rows,
                                     const float *shift, const int32_t *label, const float *resp, float *work,
                                     double *sums) noexcept nogil
        void (*gaussian_moments_f64)(const gaussian_shape *shape, const double *x, const gaussian_rows *rows,
                                     const double *shift, const int32_t *label, const double *resp, double *work,
                                     double *sums) noexcept nogil
        void (*gaussian_score_f32)(const gaussian_shape *shape, const float *x, const gaussian_rows *rows,
                                   const float *shift, const float *factors, const float *constants, float *work,
                                   float *log_likelihood, int64_t *label, float *resp,
                                   float *densities) noexcept nogil
        void (*gaussian_score_f64)(const gaussian_shape *shape, const double *x, const gaussian_rows *rows,
                                   const double *shift, const double *factors, const double *constants, double *work,
                                   double *log_likelihood, int64_t *label, double *resp,
                                   double *densities) noexcept nogil

        double (*nearest_pairs_speed)() noexcept nogil
        nearest_size_t nearest_packed_size_f32
        nearest_size_t nearest_packed_size_f64
        nearest_size_t nearest_scratch_size_f32
        nearest_size_t nearest_scratch_size_f64
        nearest_pack_t nearest_pack_f32
        nearest_pack_t nearest_pack_f64
        nearest_find_t nearest_find_f32
        nearest_find_t nearest_find_f64
        nearest_measure_t nearest_measure_f32
        nearest_measure_t nearest_measure_f64
        nearest_add_t nearest_add_f32
        nearest_add_t nearest_add_f64
        nearest_gather_t nearest_gather_f32
        nearest_gather_t nearest_gather_f64

        void (*neighbourhood_smooth)(const double *h, int64_t h_stride, int64_t m, int64_t p, const double *s,
                                     int64_t s_stride, int64_t w, double *out, int64_t out_stride) noexcept nogil

        double (*online_train_f32)(const online_map *map, const float *x, const float *y, float *panels,
                                   const float *rows, const online_steps *steps) noexcept nogil
        double (*online_train_f64)(const online_map *map, const double *x, const double *y, double *panels,
                                   const double *rows, const online_steps *steps) noexcept nogil

        void (*topics_weights_f32)(const float *topics, const float *scale, int kind, const int32_t *rows, int64_t n,
                                   int64_t width, float *room, float *weights, double *peak) noexcept nogil
        void (*topics_weights_f64)(const double *topics, const double *scale, int kind, const int32_t *rows,
                                   int64_t n, int64_t width, double *room, double *weights,
                                   double *peak) noexcept nogil
        int64_t (*topics_document_f32)(const float *weights, const topics_rule *rule, const float *prior,
                                       const int32_t *words, const float *counts, int64_t n, float *room,
                                       float *gamma, float *theta, float *ratio) noexcept nogil
        int64_t (*topics_document_f64)(const double *weights, const topics_rule *rule, const double *prior,
                                       const int32_t *words, const double *counts, int64_t n, double *room,
                                       double *gamma, double *theta, double *ratio) noexcept nogil
        void (*topics_accumulate_f32)(const int32_t *words, const float *ratio, int64_t n, const float *theta,
                                      int64_t width, double weight, double *stat) noexcept nogil
        void (*topics_accumulate_f64)(const int32_t *words, const double *ratio, int64_t n, const double *theta,
                                      int64_t width, double weight, double *stat) noexcept nogil
        void (*topics_update_f32)(float *topics, const float *weights, double *stat, const int32_t *rows, int64_t n,
                                  int64_t width, double prior, double keep, double gain, double *added) noexcept nogil
        void (*topics_update_f64)(double *topics, const double *weights, double *stat, const int32_t *rows, int64_t n,
                                  int64_t width, double prior, double keep, double gain, double *added) noexcept nogil
        void (*topics_fade_f32)(float *topics, const int32_t *rows, int64_t n, int64_t width, double prior,
                                const double *keep) noexcept nogil
        void (*topics_fade_f64)(double *topics, const int32_t *rows, int64_t n, int64_t width, double prior,
                                const double *keep) noexcept nogil
        double (*topics_score_f32)(const float *weights, const double *peak, const topics_rule *rule,
                                   const float *prior, const int32_t *words, const float *counts, int64_t n,
                                   double *room, const float *gamma) noexcept nogil
        double (*topics_score_f64)(const double *weights, const double *peak, const topics_rule *rule,
                                   const double *prior, const int32_t *words, const double *counts, int64_t n,
                                   double *room, const double *gamma) noexcept nogil
        void (*vmath_exp_f32)(const float *x, int64_t n, float *out) noexcept nogil
        void (*vmath_exp_f64)(const double *x, int64_t n, double *out) noexcept nogil
        void (*vmath_log_f32)(const float *x, int64_t n, float *out) noexcept nogil
        void (*vmath_log_f64)(const double *x, int64_t n, double *out) noexcept nogil

# The table in use. A plain pointer, shared by every module that cimports it: select() changes it for all.
cdef const fastml_dense_kernels *D
