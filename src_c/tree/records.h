/* A node's rows as contiguous records, moved at every split.
 *
 * Growth to purity looks at few features of very many small nodes. Gathering their rows by number would miss
 * the cache row by row, so a node owns a stretch of records and a split moves whole records: the left child's
 * stay at the head of the stretch, the right child's go to another place. A record is
 *
 *   codes     one byte per feature (narrow tables), or none: then codes are read from the columns by row
 * number payload   small:   uint32 class << 24 | weight, and uint32 row in a wide table general: int64
 * target, uint32 weight, uint32 row
 *
 * Weights are whole numbers, at least 1 (rows of weight 0 are left out); the target is a class or a number in
 * fixed point. Nothing here depends on the instruction set: records are copied as they are.
 */
#ifndef FASTML_TREE_RECORDS_H
#define FASTML_TREE_RECORDS_H

#include <stdint.h>
#include <string.h>

#include "partition.h"

#define RECORDS_SMALL_CLASSES 256
#define RECORDS_SMALL_WEIGHT ((1u << 24) - 1)
/* Bytes behind the last record that may be read, though nothing hangs on them: vectors take eight records. */
#define RECORDS_SLACK 256

typedef struct records_layout {
    int32_t stride;   /* bytes of a record, a multiple of 8 */
    int32_t n_codes;  /* codes at its head; 0: a wide table */
    int32_t payload;  /* where its payload begins */
    int32_t row;      /* where its row number is; -1: it has none */
    int32_t small;    /* the payload is the small one */
    int32_t n_blocks; /* row-major blocks of the matrix, see binned.pyx */
    const uint8_t *const *blocks;
    const int32_t *block_stride;
    const uint8_t *columns; /* the column-major copy */
    int64_t column_stride;
} records_layout;

static inline uint32_t records_row(const records_layout *layout, const uint8_t *record) {
    uint32_t row;
    memcpy(&row, record + layout->row, sizeof row);
    return row;
}

static inline uint32_t records_weight(int small, const uint8_t *payload) {
    uint32_t word;
    memcpy(&word, payload + (small ? 0 : 8), sizeof word);
    return small ? word & RECORDS_SMALL_WEIGHT : word;
}

static inline int64_t records_target(int small, const uint8_t *payload) {
    if (small) {
        uint32_t word;
        memcpy(&word, payload, sizeof word);
        return word >> 24;
    }
    int64_t target;
    memcpy(&target, payload, sizeof target);
    return target;
}

#endif
