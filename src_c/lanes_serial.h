/* lanes.h without vectors, one lane: the names of lanes_avx512.h. */
#ifndef FASTML_LANES_SERIAL_H
#define FASTML_LANES_SERIAL_H

#define LANES64 1
#define LANES32 1
typedef int64_t lane_i64;
typedef double lane_f64;
typedef int lane_mask;
typedef uint32_t lane_u32;

static inline lane_i64 i64_load(const int64_t *p) { return *p; }
static inline void i64_store(int64_t *p, lane_i64 a) { *p = a; }
static inline lane_i64 i64_zero(void) { return 0; }
static inline lane_i64 i64_set(int64_t x) { return x; }
static inline lane_i64 i64_add(lane_i64 a, lane_i64 b) { return a + b; }
static inline lane_i64 i64_sub(lane_i64 a, lane_i64 b) { return a - b; }
static inline lane_i64 i64_mul_low(lane_i64 a, lane_i64 b) {
    return (int64_t)((uint64_t)(uint32_t)a * (uint32_t)b);
}
static inline lane_i64 i64_prefix(lane_i64 a) { return a; }
static inline lane_i64 i64_last(lane_i64 a) { return a; }
static inline lane_f64 f64_from_high(lane_i64 a) { return (double)(a >> 32); }
static inline lane_f64 f64_from_low(lane_i64 a) { return (double)(a & 0xFFFFFFFFll); }
static inline lane_f64 f64_from_upper28(lane_i64 a) { return (double)(a >> 36); }
static inline lane_f64 f64_from_middle26(lane_i64 a) { return (double)(a >> 10 & 0x3FFFFFF); }
static inline lane_f64 f64_from_lower10(lane_i64 a) { return (double)(a & 0x3FF); }
static inline uint32_t i64_nonzero(lane_i64 a) { return a != 0; }
static inline lane_i64 i64_compress(lane_i64 a, uint32_t bits) {
    (void)bits;
    return a;
}
static inline lane_f64 f64_set(double x) { return x; }
static inline lane_f64 f64_load(const double *p) { return *p; }
static inline void f64_store(double *p, lane_f64 a) { *p = a; }
static inline lane_f64 f64_add(lane_f64 a, lane_f64 b) { return a + b; }
static inline lane_f64 f64_sub(lane_f64 a, lane_f64 b) { return a - b; }
static inline lane_f64 f64_mul(lane_f64 a, lane_f64 b) { return a * b; }
static inline lane_f64 f64_min(lane_f64 a, lane_f64 b) { return a < b ? a : b; }
static inline lane_mask f64_ge(lane_f64 a, lane_f64 b) { return a >= b; }
static inline lane_mask f64_gt(lane_f64 a, lane_f64 b) { return a > b; }
static inline lane_mask mask_and(lane_mask a, lane_mask b) { return a & b; }
static inline lane_f64 f64_div(lane_f64 a, lane_f64 b) { return a / b; }
static inline lane_f64 f64_from_i64(lane_i64 a) { return (double)a; }
static inline lane_f64 f64_from_u8(const uint8_t *p) { return p[0]; }
static inline lane_mask f64_eq(lane_f64 a, lane_f64 b) { return a == b; }
static inline lane_mask mask_or(lane_mask a, lane_mask b) { return a | b; }
static inline lane_mask mask_without(lane_mask a, lane_mask b) { return a & !b; }
static inline lane_f64 f64_select(lane_mask m, lane_f64 yes, lane_f64 no) { return m ? yes : no; }
static inline int mask_any(lane_mask a) { return a; }
static inline uint32_t mask_bits(lane_mask a) { return (uint32_t)a; }
static inline int f64_count_le(const double *p, double x) {
    /* not a sum of comparisons: GCC 12 for AArch64 gets its sign wrong when it makes vectors of it */
    int n = 0;
    for (int step = 8; step; step >>= 1)
        n += p[n + step - 1] <= x ? step : 0;
    return n + (p[n] <= x);
}

static inline lane_u32 u32_load(const uint32_t *p) { return *p; }
static inline void u32_store(uint32_t *p, lane_u32 a) { *p = a; }
static inline lane_u32 u32_iota(uint32_t first) { return first; }
static inline lane_u32 u32_compress(lane_u32 a, uint32_t bits) {
    (void)bits;
    return a;
}
static inline lane_u32 u32_min(lane_u32 a, lane_u32 b) { return a < b ? a : b; }
static inline lane_u32 u32_max(lane_u32 a, lane_u32 b) { return a < b ? b : a; }
static inline lane_f64 f64_from_bits(const uint32_t *p, int shift, uint32_t mask) {
    return *p >> shift & mask;
}
static inline void u32_store_codes(uint32_t *out, uint64_t low, uint64_t high, uint32_t word) {
    for (int j = 0; j < 8; j++) {
        out[j] = (uint32_t)(low >> 8 * j) << 24 | word;
        out[8 + j] = (uint32_t)(high >> 8 * j) << 24 | word;
    }
}
static inline lane_i64 i64_look_up(const int64_t *table, const uint32_t *p) { return table[*p & 255]; }
typedef const int64_t *lane_sixteen;
static inline lane_sixteen sixteen_of(const int64_t *table) { return table; }
static inline lane_i64 i64_look_up16(lane_sixteen table, const uint32_t *p) { return i64_look_up(table, p); }

/* eight bytes, as the compiler's own vectors have them: loops that it makes what it can of */
#define LANES8 8
typedef struct lane_u8 {
    uint8_t x[8];
} lane_u8;
static inline lane_u8 u8_load(const uint8_t *p) {
    lane_u8 a;
    memcpy(a.x, p, 8);
    return a;
}
static inline void u8_store(uint8_t *p, lane_u8 a) { memcpy(p, a.x, 8); }
static inline lane_u8 u8_zero(void) { return (lane_u8){{0}}; }
static inline lane_u8 u8_add(lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        a.x[j] = (uint8_t)(a.x[j] + b.x[j]);
    return a;
}
static inline lane_u8 u8_eight(uint64_t eight) {
    lane_u8 a;
    memcpy(a.x, &eight, 8);
    return a;
}
static inline lane_u8 u8_set(uint8_t x) { return (lane_u8){{x, x, x, x, x, x, x, x}}; }
static inline lane_u8 u8_min(lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        a.x[j] = a.x[j] < b.x[j] ? a.x[j] : b.x[j];
    return a;
}
static inline lane_u8 u8_max(lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        a.x[j] = a.x[j] > b.x[j] ? a.x[j] : b.x[j];
    return a;
}
static inline lane_u8 u8_add_where_ge(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        sum.x[j] = (uint8_t)(sum.x[j] + (a.x[j] >= b.x[j] ? term.x[j] : 0));
    return sum;
}
static inline lane_u8 u8_add_where_eq(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        sum.x[j] = (uint8_t)(sum.x[j] + (a.x[j] == b.x[j] ? term.x[j] : 0));
    return sum;
}
static inline lane_u8 u8_and(lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        a.x[j] &= b.x[j];
    return a;
}
static inline lane_u8 u8_select_ge(lane_u8 a, lane_u8 b, lane_u8 yes, lane_u8 no) {
    for (int j = 0; j < 8; j++)
        a.x[j] = a.x[j] >= b.x[j] ? yes.x[j] : no.x[j];
    return a;
}

#endif
