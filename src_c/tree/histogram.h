/* Histograms of packed gradient and hessian sums.
 *
 * A cell is one int64: (sum of g) * 2^32 + (sum of h), with g and h the fixed-point integers of
 * pack_gradients. One 64-bit add updates both sums; because h >= 0 and every sum of h stays below 2^31, and
 * every |sum of g| too, the two halves never disturb each other. Integer addition is exact, so the order of
 * the rows cannot change a cell.
 *
 * A histogram is the cells of all active features, feature j at `offset[j]`, one cell per code, padded to a
 * multiple of HISTOGRAM_PAD cells with zeros. Features of more than HISTOGRAM_FULL / 2 codes take
 * HISTOGRAM_FULL cells each: not 256, so that equal codes of different features fall into different sets of
 * the first-level cache and loads are not held up by stores 4096 bytes away.
 */
#ifndef FASTML_TREE_HISTOGRAM_H
#define FASTML_TREE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_PAD 8
#define HISTOGRAM_FULL 264

static inline int64_t cell_of(uint32_t gh) {
    return (int64_t)(((uint64_t)(int64_t)((int32_t)gh >> 16) << 32) + (gh & 0xFFFFu));
}
static inline int64_t cell_g(int64_t cell) { return cell >> 32; }
static inline int64_t cell_h(int64_t cell) { return cell & 0xFFFFFFFFll; }

/* One block of features of the row-major codes. */
typedef struct histogram_block {
    const uint8_t *codes;    /* code of row i, byte p: codes[i * stride + p] */
    int64_t stride;          /* bytes from row to row */
    const int32_t *position; /* byte of feature j in a row; NULL: j */
    const int32_t *offset;   /* first cell of feature j */
    int32_t n_features;
    int32_t full; /* 1: feature j has the cells from offset[0] + j * HISTOGRAM_FULL, and position is NULL */
} histogram_block;

#endif
