/* Partition of a node's rows between its two children.
 *
 * Two passes over the rows. `partition_mask` reads each row's code of the split feature (a random byte of the
 * column-major copy: the slow part) and notes one bit a row; `partition_apply` streams rows and packed
 * gradients to the two children. Because the first pass counts, the second knows where each block of rows
 * goes: blocks run in parallel, both children keep the rows in ascending order, and the count of each child
 * is exact before anything is moved.
 */
#ifndef FASTML_TREE_PARTITION_H
#define FASTML_TREE_PARTITION_H

#include <stdint.h>

/* Which way a code goes: numerical when set is NULL, else the set's bit. */
typedef struct partition_rule {
    const uint8_t *set; /* 32 bytes; bit c of the set: code c goes left */
    uint8_t code;       /* left iff (uint8)(x - bias) <= (uint8)(code - bias) */
    uint8_t bias;       /* 0: missing (code 0) goes left; 1: it wraps to 255 and goes right */
} partition_rule;

static inline int goes_left(const partition_rule *rule, uint8_t x) {
    if (rule->set)
        return rule->set[x >> 3] >> (x & 7) & 1;
    return (uint8_t)(x - rule->bias) <= (uint8_t)(rule->code - rule->bias);
}

#endif
