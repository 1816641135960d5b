/* Histograms of packed gradient and hessian sums.
 *
 * A cell is one int64: (sum of g) * 2^32 + (sum of h), with g and h the fixed-point integers of
 * pack_gradients. One 64-bit add updates both sums; because h >= 0 and every sum of h stays below 2^31, and
 * every |sum of g| too, the two halves never disturb each other. Integer addition is exact, so the order of
 * the rows cannot change a cell.
 *
 * A counted cell holds the number of rows as well: (sum of g) * 2^36 + (sum of h) * 2^10 + rows. It serves
 * nodes of at most HISTOGRAM_COUNTED rows, where 26 bits are enough for either sum and 10 for the rows; there
 * limits on rows are settled by the search itself.
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
#define HISTOGRAM_COUNTED 1023
#define HISTOGRAM_OUTPUTS 8 /* most outputs that are counted at once */

static inline int64_t cell_of(uint32_t gh) {
    return (int64_t)(((uint64_t)(int64_t)((int32_t)gh >> 16) << 32) + (gh & 0xFFFFu));
}
static inline int64_t cell_g(int64_t cell) { return cell >> 32; }
static inline int64_t cell_h(int64_t cell) { return cell & 0xFFFFFFFFll; }

static inline int64_t counted_of(uint32_t gh) {
    return (int64_t)(((uint64_t)(int64_t)((int32_t)gh >> 16) << 36) + ((uint64_t)(gh & 0xFFFFu) << 10) + 1);
}
static inline int64_t counted_g(int64_t cell) { return cell >> 36; }
static inline int64_t counted_h(int64_t cell) { return cell >> 10 & 0x3FFFFFF; }
static inline int64_t counted_rows(int64_t cell) { return cell & 0x3FF; }

/* Several outputs counted at once: their cells of one code lie side by side, so many to a line. */
static inline int32_t histogram_line(int32_t n_outputs) { return n_outputs <= 4 ? 4 : HISTOGRAM_OUTPUTS; }

/* One block of features of the row-major codes. */
typedef struct histogram_block {
    const uint8_t *codes;    /* code of row i, byte p: codes[i * stride + p] */
    int64_t stride;          /* bytes from row to row */
    const int32_t *position; /* byte of feature j in a row; NULL: j */
    const int32_t *offset;   /* first cell of feature j */
    int32_t n_features;
    int32_t full; /* 1: feature j has the cells from offset[0] + j * HISTOGRAM_FULL, and position is NULL */
    int32_t at_once; /* features that are counted at a time: those whose cells fit the first-level cache */
} histogram_block;

#endif
