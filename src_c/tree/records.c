/* See records.h. */
#include "records.h"

/* Records of the rows from lo to hi whose weight is not 0, in order; returns how many. Room for one record
 * more than that is needed at `out`.
 *
 * weights: by row. targets: by row, int64; NULL: 0.
 */
int64_t FN(records_fill)(const records_layout *layout, const uint32_t *weights, const int64_t *targets,
                         int64_t lo, int64_t hi, uint8_t *out) {
    uint8_t *const first = out;
    const int small = layout->small;
    const int64_t stride = layout->stride, n_codes = layout->n_codes;
    for (int64_t row = lo; row < hi; row++) {
        /* rows of codes are padded to 16 bytes, and what is too much here the payload overwrites */
        const uint8_t *codes = layout->blocks[0] + row * layout->block_stride[0];
        for (int64_t c = 0; c < n_codes; c += 16)
            memcpy(out + c, codes + c, 16);
        uint8_t *payload = out + layout->payload;
        const int64_t target = targets ? targets[row] : 0;
        const uint32_t word = small ? (uint32_t)target << 24 | weights[row] : weights[row];
        if (!small)
            memcpy(payload, &target, sizeof target);
        memcpy(payload + (small ? 0 : 8), &word, sizeof word);
        if (layout->row >= 0) {
            const uint32_t number = (uint32_t)row;
            memcpy(out + layout->row, &number, sizeof number);
        }
        out += -(int64_t)(weights[row] != 0) & stride;
    }
    return (out - first) / layout->stride;
}

/* Codes of n_features features of n records of a wide table, one feature after the other. */
void FN(records_gather)(const records_layout *layout, const uint8_t *records, int64_t n,
                        const int32_t *features, int32_t n_features, uint8_t *codes) {
    for (int32_t s = 0; s < n_features; s++) {
        const uint8_t *column = layout->columns + features[s] * layout->column_stride;
        const uint8_t *at = records + layout->row;
        uint8_t *out = codes + s * n;
        for (int64_t i = 0; i < n; i++, at += layout->stride) {
            uint32_t row;
            memcpy(&row, at, sizeof row);
            out[i] = column[row];
        }
    }
}

/* Both sides are written at every row and one of them advances, by arithmetic: compilers turn a choice
 * between two steps into a branch, and which one a row takes is a coin's toss. */
static ALWAYS_INLINE int64_t split_stride(const records_layout *layout, uint8_t *records, int64_t n,
                                          int32_t feature, const partition_rule *rule, uint8_t *right,
                                          int64_t stride, int wide, int by_set) {
    const uint8_t *const column =
        wide ? layout->columns + feature * layout->column_stride : (const uint8_t *)0;
    const uint8_t *const end = records + n * stride;
    uint8_t *left = records, set[32] = {0};
    const uint8_t bias = rule->bias, limit = (uint8_t)(rule->code - rule->bias);
    if (by_set)
        memcpy(set, rule->set, sizeof set);
    for (const uint8_t *record = records; record < end; record += stride) {
        const uint8_t x = wide ? column[records_row(layout, record)] : record[feature];
        const int64_t goes = by_set ? set[x >> 3] >> (x & 7) & 1 : (uint8_t)(x - bias) <= limit;
        const int64_t stays = -goes & stride;
        memcpy(right, record, (size_t)stride);
        memmove(left, record, (size_t)stride);
        left += stays;
        right += stride - stays;
    }
    return (left - records) / stride;
}

/* Moves the records that go right to `right`, closes the ranks of the others; both keep their order. Returns
 * how many stay.
 *
 * Room for n records is needed at `right`, even though fewer are written.
 */
int64_t FN(records_split)(const records_layout *layout, uint8_t *records, int64_t n, int32_t feature,
                          const partition_rule *rule, uint8_t *right) {
#define SPLIT_CASE(stride)                                                                                   \
    case stride:                                                                                             \
        if (layout->n_codes)                                                                                 \
            return rule->set ? split_stride(layout, records, n, feature, rule, right, stride, 0, 1)          \
                             : split_stride(layout, records, n, feature, rule, right, stride, 0, 0);         \
        return rule->set ? split_stride(layout, records, n, feature, rule, right, stride, 1, 1)              \
                         : split_stride(layout, records, n, feature, rule, right, stride, 1, 0)
    switch (layout->stride) {
        SPLIT_CASE(8);
        SPLIT_CASE(16);
        SPLIT_CASE(32);
        SPLIT_CASE(48);
        SPLIT_CASE(64);
    default: /* only narrow records are longer */
        return rule->set ? split_stride(layout, records, n, feature, rule, right, layout->stride, 0, 1)
                         : split_stride(layout, records, n, feature, rule, right, layout->stride, 0, 0);
    }
#undef SPLIT_CASE
}
