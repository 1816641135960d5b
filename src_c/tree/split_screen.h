/* The part of split.c that holds many candidates against the leader at once. Included by it and by nothing
 * else.
 *
 * A vector of candidates passes if some lane's score may exceed the leader's: num / den > score without the
 * division, and never wrongly no. With AVX2 that is asked in float32, eight candidates at a time: all terms
 * are sums of products of positive numbers, each off by a few 2^-24, and the leader's score is taken less by
 * more than these together.
 */

/* What codes 0..c have, for the codes of one vector; the rows are known in counted cells only. */
typedef struct prefix {
    lane_f64 g, h, rows;
} prefix;

static ALWAYS_INLINE prefix prefix_of(lane_i64 x, int counted) {
    if (counted)
        return (prefix){f64_from_upper28(x), f64_from_middle26(x), f64_from_lower10(x)};
    const lane_f64 h = f64_from_low(x);
    return (prefix){f64_from_high(x), h, h};
}

#if defined(FASTML_AVX2)

enum { SCREEN = 8 };

/* Limits and totals of the node, in every lane. */
typedef struct screen {
    __m256i g, h, rows, min_h, min_rows;
    __m256 l2, low;
    int cannot;
} screen;

static ALWAYS_INLINE void screen_leader(screen *all, double score) {
    all->low = _mm256_set1_ps(score > 0 && !all->cannot ? (float)(score * (1 - 0x1p-18)) : -1.0f);
}

static ALWAYS_INLINE __m256i less_one(int64_t least) {
    return _mm256_set1_epi32((int32_t)(least <= INT32_MAX ? least - 1 : INT32_MAX));
}

static ALWAYS_INLINE screen screen_of(const split_params *p, const split_node *node, double score) {
    const double l2 = p->l2 * p->scale_h;
    screen all = {_mm256_set1_epi32((int32_t)node->g),
                  _mm256_set1_epi32((int32_t)node->h),
                  _mm256_set1_epi32((int32_t)node->n_rows),
                  less_one(node->min_h),
                  less_one(p->min_rows),
                  _mm256_set1_ps((float)l2),
                  _mm256_setzero_ps(),
                  !(l2 < 0x1p60)};
    screen_leader(&all, score);
    return all;
}

/* x: two vectors of cells, what codes 0..c have. */
static ALWAYS_INLINE int may_lead(const lane_i64 *x, const screen *all, int counted) {
    const __m256 a = _mm256_castsi256_ps(x[0]), b = _mm256_castsi256_ps(x[1]);
    const __m256i lower = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88));
    const __m256i upper = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xDD));
    __m256i g = upper, h = lower, rows = lower;
    if (counted) {
        g = _mm256_srai_epi32(upper, 4);
        h = _mm256_or_si256(_mm256_srli_epi32(_mm256_slli_epi32(upper, 28), 6), _mm256_srli_epi32(lower, 10));
        rows = _mm256_and_si256(lower, _mm256_set1_epi32(0x3FF));
    }
    const __m256i other_g = _mm256_sub_epi32(all->g, g), other_h = _mm256_sub_epi32(all->h, h);
    __m256i lawful = _mm256_cmpgt_epi32(_mm256_min_epi32(h, other_h), all->min_h);
    if (counted) {
        const __m256i least = _mm256_min_epi32(rows, _mm256_sub_epi32(all->rows, rows));
        lawful = _mm256_and_si256(lawful, _mm256_cmpgt_epi32(least, all->min_rows));
    }
    const __m256 gl = _mm256_cvtepi32_ps(g), gr = _mm256_cvtepi32_ps(other_g);
    const __m256 hl = _mm256_add_ps(_mm256_cvtepi32_ps(h), all->l2);
    const __m256 hr = _mm256_add_ps(_mm256_cvtepi32_ps(other_h), all->l2);
    const __m256 num =
        _mm256_add_ps(_mm256_mul_ps(_mm256_mul_ps(gl, gl), hr), _mm256_mul_ps(_mm256_mul_ps(gr, gr), hl));
    const __m256 least = _mm256_mul_ps(all->low, _mm256_mul_ps(hl, hr));
    const __m256 more = _mm256_cmp_ps(num, least, _CMP_GT_OQ);
    return !_mm256_testz_ps(more, _mm256_castsi256_ps(lawful));
}

#else

enum { SCREEN = LANES64 };

/* Limits and totals of the node, in every lane. */
typedef struct screen {
    lane_f64 g, h, rows, l2, min_h, min_rows, low;
} screen;

static ALWAYS_INLINE void screen_leader(screen *all, double score) {
    all->low = f64_set(score > 0 ? score * (1 - 0x1p-48) : -1.0); /* less a few roundings */
}

static ALWAYS_INLINE screen screen_of(const split_params *p, const split_node *node, double score) {
    screen all = {f64_set((double)node->g),
                  f64_set((double)node->h),
                  f64_set((double)node->n_rows),
                  f64_set(p->l2 * p->scale_h),
                  f64_set((double)node->min_h),
                  f64_set((double)p->min_rows),
                  f64_set(0)};
    screen_leader(&all, score);
    return all;
}

/* x: a vector of cells, what codes 0..c have. */
static ALWAYS_INLINE int may_lead(const lane_i64 *x, const screen *all, int counted) {
    const prefix left = prefix_of(x[0], counted);
    const lane_f64 gr = f64_sub(all->g, left.g), hr = f64_sub(all->h, left.h);
    const lane_f64 a = f64_add(left.h, all->l2), b = f64_add(hr, all->l2);
    const lane_f64 num = f64_add(f64_mul(f64_mul(left.g, left.g), b), f64_mul(f64_mul(gr, gr), a));
    lane_mask lawful = f64_ge(f64_min(left.h, hr), all->min_h);
    if (counted)
        lawful = mask_and(lawful, f64_ge(f64_min(left.rows, f64_sub(all->rows, left.rows)), all->min_rows));
    return mask_any(mask_and(lawful, f64_gt(num, f64_mul(all->low, f64_mul(a, b)))));
}

#endif
