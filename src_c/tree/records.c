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
    for (int64_t row = lo; row < hi; row++) {
        int32_t left = layout->n_codes;
        for (int32_t b = 0; left > 0; b++, left -= 64)
            memcpy(out + 64 * b, layout->blocks[b] + row * layout->block_stride[b],
                   (size_t)(left < 64 ? left : 64));
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
        out += weights[row] ? layout->stride : 0;
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

/* Both sides are written at every row and one of them advances: no branch on a bit that is a coin's toss. */
static ALWAYS_INLINE int64_t split_stride(const records_layout *layout, uint8_t *records, int64_t n,
                                          int32_t feature, const partition_rule *rule, uint8_t *right,
                                          int32_t stride) {
    const uint8_t *column =
        layout->n_codes ? (const uint8_t *)0 : layout->columns + feature * layout->column_stride;
    const uint8_t *const end = records + n * stride;
    uint8_t *left = records;
    const uint8_t bias = rule->bias, limit = (uint8_t)(rule->code - rule->bias);
    for (const uint8_t *record = records; record < end; record += stride) {
        const uint8_t x = column ? column[records_row(layout, record)] : record[feature];
        const int goes = rule->set ? rule->set[x >> 3] >> (x & 7) & 1 : (uint8_t)(x - bias) <= limit;
        unsigned char moved[256];
        memcpy(moved, record, (size_t)stride);
        memcpy(left, moved, (size_t)stride);
        memcpy(right, moved, (size_t)stride);
        left += goes ? stride : 0;
        right += goes ? 0 : stride;
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
    switch (layout->stride) {
    case 8:
        return split_stride(layout, records, n, feature, rule, right, 8);
    case 16:
        return split_stride(layout, records, n, feature, rule, right, 16);
    case 32:
        return split_stride(layout, records, n, feature, rule, right, 32);
    case 48:
        return split_stride(layout, records, n, feature, rule, right, 48);
    case 64:
        return split_stride(layout, records, n, feature, rule, right, 64);
    default:
        return split_stride(layout, records, n, feature, rule, right, layout->stride);
    }
}
