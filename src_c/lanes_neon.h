/* lanes.h on NEON: the names of lanes_avx512.h. */
#ifndef FASTML_LANES_NEON_H
#define FASTML_LANES_NEON_H

#include <arm_neon.h>

#define LANES64 2
#define LANES32 4
typedef int64x2_t lane_i64;
typedef float64x2_t lane_f64;
typedef uint64x2_t lane_mask;
typedef uint32x4_t lane_u32;

static inline lane_i64 i64_load(const int64_t *p) { return vld1q_s64(p); }
static inline void i64_store(int64_t *p, lane_i64 a) { vst1q_s64(p, a); }
static inline lane_i64 i64_zero(void) { return vdupq_n_s64(0); }
static inline lane_i64 i64_set(int64_t x) { return vdupq_n_s64(x); }
static inline lane_i64 i64_add(lane_i64 a, lane_i64 b) { return vaddq_s64(a, b); }
static inline lane_i64 i64_sub(lane_i64 a, lane_i64 b) { return vsubq_s64(a, b); }
static inline lane_i64 i64_mul_low(lane_i64 a, lane_i64 b) {
    return vreinterpretq_s64_u64(
        vmull_u32(vmovn_u64(vreinterpretq_u64_s64(a)), vmovn_u64(vreinterpretq_u64_s64(b))));
}
static inline lane_i64 i64_prefix(lane_i64 a) { return vaddq_s64(a, vextq_s64(vdupq_n_s64(0), a, 1)); }
static inline lane_i64 i64_last(lane_i64 a) { return vdupq_laneq_s64(a, 1); }
static inline lane_f64 f64_from_high(lane_i64 a) { return vcvtq_f64_s64(vshrq_n_s64(a, 32)); }
static inline lane_f64 f64_from_low(lane_i64 a) {
    return vcvtq_f64_s64(vandq_s64(a, vdupq_n_s64(0xFFFFFFFFll)));
}
static inline lane_f64 f64_from_upper28(lane_i64 a) { return vcvtq_f64_s64(vshrq_n_s64(a, 36)); }
static inline lane_f64 f64_from_middle26(lane_i64 a) {
    return vcvtq_f64_s64(vandq_s64(vshrq_n_s64(a, 10), vdupq_n_s64(0x3FFFFFF)));
}
static inline lane_f64 f64_from_lower10(lane_i64 a) {
    return vcvtq_f64_s64(vandq_s64(a, vdupq_n_s64(0x3FF)));
}
static inline uint32_t i64_nonzero(lane_i64 a) {
    return (uint32_t)(vgetq_lane_s64(a, 0) != 0) | (uint32_t)(vgetq_lane_s64(a, 1) != 0) << 1;
}
static inline lane_i64 i64_compress(lane_i64 a, uint32_t bits) {
    return bits & 1 ? a : vextq_s64(a, a, 1); /* the first lane stays or makes room for the second */
}
static inline lane_f64 f64_set(double x) { return vdupq_n_f64(x); }
static inline lane_f64 f64_load(const double *p) { return vld1q_f64(p); }
static inline void f64_store(double *p, lane_f64 a) { vst1q_f64(p, a); }
static inline lane_f64 f64_add(lane_f64 a, lane_f64 b) { return vaddq_f64(a, b); }
static inline lane_f64 f64_sub(lane_f64 a, lane_f64 b) { return vsubq_f64(a, b); }
static inline lane_f64 f64_mul(lane_f64 a, lane_f64 b) { return vmulq_f64(a, b); }
static inline lane_f64 f64_min(lane_f64 a, lane_f64 b) { return vminq_f64(a, b); }
static inline lane_mask f64_ge(lane_f64 a, lane_f64 b) { return vcgeq_f64(a, b); }
static inline lane_mask f64_gt(lane_f64 a, lane_f64 b) { return vcgtq_f64(a, b); }
static inline lane_mask mask_and(lane_mask a, lane_mask b) { return vandq_u64(a, b); }
static inline lane_f64 f64_div(lane_f64 a, lane_f64 b) { return vdivq_f64(a, b); }
static inline lane_f64 f64_from_i64(lane_i64 a) { return vcvtq_f64_s64(a); }
static inline lane_f64 f64_from_u8(const uint8_t *p) {
    const double x[2] = {p[0], p[1]};
    return vld1q_f64(x);
}
static inline lane_mask f64_eq(lane_f64 a, lane_f64 b) { return vceqq_f64(a, b); }
static inline lane_mask mask_or(lane_mask a, lane_mask b) { return vorrq_u64(a, b); }
static inline lane_mask mask_without(lane_mask a, lane_mask b) { return vbicq_u64(a, b); }
static inline lane_f64 f64_select(lane_mask m, lane_f64 yes, lane_f64 no) { return vbslq_f64(m, yes, no); }
static inline int mask_any(lane_mask a) { return (vgetq_lane_u64(a, 0) | vgetq_lane_u64(a, 1)) != 0; }
static inline uint32_t mask_bits(lane_mask a) {
    return (uint32_t)(vgetq_lane_u64(a, 0) & 1) | (uint32_t)(vgetq_lane_u64(a, 1) & 2);
}
static inline int f64_count_le(const double *p, double x) {
    uint64x2_t minus = vdupq_n_u64(0);
    for (int i = 0; i < 16; i += 2)
        minus = vaddq_u64(minus, vcleq_f64(vld1q_f64(p + i), vdupq_n_f64(x)));
    return -(int)(int64_t)vaddvq_u64(minus);
}

static inline lane_u32 u32_load(const uint32_t *p) { return vld1q_u32(p); }
static inline void u32_store(uint32_t *p, lane_u32 a) { vst1q_u32(p, a); }
static inline lane_u32 u32_iota(uint32_t first) {
    static const uint32_t step[4] = {0, 1, 2, 3};
    return vaddq_u32(vdupq_n_u32(first), vld1q_u32(step));
}
static inline lane_u32 u32_compress(lane_u32 a, uint32_t bits) {
    uint32_t in[4], out[4] = {0, 0, 0, 0};
    unsigned n = 0;
    vst1q_u32(in, a);
    for (unsigned j = 0; j < 4; j++) {
        out[n] = in[j];
        n += (bits >> j) & 1u;
    }
    return vld1q_u32(out);
}
static inline lane_u32 u32_min(lane_u32 a, lane_u32 b) { return vminq_u32(a, b); }
static inline lane_u32 u32_max(lane_u32 a, lane_u32 b) { return vmaxq_u32(a, b); }
static inline lane_f64 f64_from_bits(const uint32_t *p, int shift, uint32_t mask) {
    const double x[2] = {p[0] >> shift & mask, p[1] >> shift & mask};
    return vld1q_f64(x);
}
static inline void u32_store_codes(uint32_t *out, uint64_t low, uint64_t high, uint32_t word) {
    for (int j = 0; j < 8; j++) {
        out[j] = (uint32_t)(low >> 8 * j) << 24 | word;
        out[8 + j] = (uint32_t)(high >> 8 * j) << 24 | word;
    }
}
static inline lane_i64 i64_look_up(const int64_t *table, const uint32_t *p) {
    const int64_t x[2] = {table[p[0] & 255], table[p[1] & 255]};
    return vld1q_s64(x);
}
typedef const int64_t *lane_sixteen;
static inline lane_sixteen sixteen_of(const int64_t *table) { return table; }
static inline lane_i64 i64_look_up16(lane_sixteen table, const uint32_t *p) { return i64_look_up(table, p); }

#define LANES8 16
typedef uint8x16_t lane_u8;
static inline lane_u8 u8_load(const uint8_t *p) { return vld1q_u8(p); }
static inline void u8_store(uint8_t *p, lane_u8 a) { vst1q_u8(p, a); }
static inline lane_u8 u8_zero(void) { return vdupq_n_u8(0); }
static inline lane_u8 u8_add(lane_u8 a, lane_u8 b) { return vaddq_u8(a, b); }
static inline lane_u8 u8_eight(uint64_t eight) { return vreinterpretq_u8_u64(vdupq_n_u64(eight)); }
static inline lane_u8 u8_set(uint8_t x) { return vdupq_n_u8(x); }
static inline lane_u8 u8_min(lane_u8 a, lane_u8 b) { return vminq_u8(a, b); }
static inline lane_u8 u8_max(lane_u8 a, lane_u8 b) { return vmaxq_u8(a, b); }
static inline lane_u8 u8_add_where_ge(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    return vaddq_u8(sum, vandq_u8(vcgeq_u8(a, b), term));
}
static inline lane_u8 u8_add_where_eq(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    return vaddq_u8(sum, vandq_u8(vceqq_u8(a, b), term));
}
static inline lane_u8 u8_and(lane_u8 a, lane_u8 b) { return vandq_u8(a, b); }
static inline lane_u8 u8_select_ge(lane_u8 a, lane_u8 b, lane_u8 yes, lane_u8 no) {
    return vbslq_u8(vcgeq_u8(a, b), yes, no);
}

#endif
