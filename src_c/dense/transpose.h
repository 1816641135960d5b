/* A square of numbers turned: LANES vectors of one row each become LANES vectors of one column each.
 *
 * Perfect shuffles: zipping vector i with vector i + LANES / 2 moves the top bit of the row number to the low
 * end of the column number, so log2(LANES) rounds exchange rows and columns.
 */
#ifndef FASTML_DENSE_TRANSPOSE_H
#define FASTML_DENSE_TRANSPOSE_H

#include "dense/reals.h"

#ifndef __has_builtin
#define __has_builtin(name) 0
#endif

/* the lower (upper) halves of a and b, one element of each in turn */
#if !__has_builtin(__builtin_shufflevector)
#define FASTML_ZIP(a, b, lanes, ...) __builtin_shuffle(a, b, lanes{__VA_ARGS__})
#else
#define FASTML_ZIP(a, b, lanes, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif

#if LANES_F32 == 16
#define LOW_F32 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define UPPER_F32 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LOW_F64 0, 8, 1, 9, 2, 10, 3, 11
#define UPPER_F64 4, 12, 5, 13, 6, 14, 7, 15
#elif LANES_F32 == 8
#define LOW_F32 0, 8, 1, 9, 2, 10, 3, 11
#define UPPER_F32 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_F64 0, 4, 1, 5
#define UPPER_F64 2, 6, 3, 7
#else
#define LOW_F32 0, 4, 1, 5
#define UPPER_F32 2, 6, 3, 7
#define LOW_F64 0, 2
#define UPPER_F64 1, 3
#endif

static ALWAYS_INLINE lane_f32 f32_zip_low(lane_f32 a, lane_f32 b) {
    return FASTML_ZIP(a, b, (lane_i32), LOW_F32);
}
static ALWAYS_INLINE lane_f32 f32_zip_upper(lane_f32 a, lane_f32 b) {
    return FASTML_ZIP(a, b, (lane_i32), UPPER_F32);
}
static ALWAYS_INLINE lane_f64 f64_zip_low(lane_f64 a, lane_f64 b) {
    return FASTML_ZIP(a, b, (lane_i64), LOW_F64);
}
static ALWAYS_INLINE lane_f64 f64_zip_upper(lane_f64 a, lane_f64 b) {
    return FASTML_ZIP(a, b, (lane_i64), UPPER_F64);
}

/* `count` vectors, a power of two up to LANES, holding LANES rows of `count` numbers one after the other. */
static ALWAYS_INLINE void f32_turn(lane_f32 a[LANES_F32], const int count) {
    for (int n = count > 1 ? 1 : LANES_F32; n < LANES_F32; n *= 2) {
        lane_f32 b[LANES_F32];
        _Pragma("GCC unroll 16") for (int i = 0; i < count / 2; i++) {
            b[2 * i] = f32_zip_low(a[i], a[i + count / 2]);
            b[2 * i + 1] = f32_zip_upper(a[i], a[i + count / 2]);
        }
        _Pragma("GCC unroll 16") for (int i = 0; i < count; i++) a[i] = b[i];
    }
}
static ALWAYS_INLINE void f64_turn(lane_f64 a[LANES_F64], const int count) {
    for (int n = count > 1 ? 1 : LANES_F64; n < LANES_F64; n *= 2) {
        lane_f64 b[LANES_F64];
        _Pragma("GCC unroll 16") for (int i = 0; i < count / 2; i++) {
            b[2 * i] = f64_zip_low(a[i], a[i + count / 2]);
            b[2 * i + 1] = f64_zip_upper(a[i], a[i + count / 2]);
        }
        _Pragma("GCC unroll 16") for (int i = 0; i < count; i++) a[i] = b[i];
    }
}

#undef LOW_F32
#undef UPPER_F32
#undef LOW_F64
#undef UPPER_F64

#endif
