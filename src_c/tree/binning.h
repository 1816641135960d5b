/* Binning: feature values to uint8 codes, and the quantiles that decide the bins.

   Contract. Code 0 is "missing". A numerical value x has code = number of lower bounds <= x, where the lower
   bounds of a feature are -inf and, for each edge, the next double above the edge; so x <= edges[0] gives 1,
   edges[0] < x <= edges[1] gives 2, and NaN, which is above no bound, gives 0 without a test of its own.
   float32 values are compared in float32 with bounds rounded up to float32, which is exact: x >= bound in
   real numbers if and only if x >= (the least float32 not below bound). A categorical value has the code of
   the known value it is equal to, or 0.

   A column of values is read where it lies (struct binning_column): any native number type, any stride,
   optional mask. Row ids are 32-bit, everything that multiplies them is 64-bit. Kernels never allocate. */
#ifndef FASTML_TREE_BINNING_H
#define FASTML_TREE_BINNING_H

#include <stdint.h>

enum binning_kind {
    BINNING_F64 = 0,
    BINNING_F32 = 1,
    BINNING_F16 = 2,
    BINNING_I8 = 3,
    BINNING_I16 = 4,
    BINNING_I32 = 5,
    BINNING_I64 = 6,
    BINNING_U8 = 7,
    BINNING_U16 = 8,
    BINNING_U32 = 9,
    BINNING_U64 = 10,
    BINNING_BIT = 11 /* one bit per value, least significant first (Arrow's booleans) */
};

enum binning_mask_kind {
    BINNING_NO_MASK = 0,
    BINNING_MASK_BYTES = 1, /* one byte per row, nonzero = missing (pandas) */
    BINNING_MASK_BITS = 2   /* one bit per row, zero = missing (Arrow) */
};

/* One feature as it lies in memory. */
typedef struct binning_column {
    const unsigned char *data; /* value of row 0, not necessarily aligned; BINNING_BIT: the byte with bit 0 */
    int64_t stride;            /* bytes from one row to the next, may be negative; BINNING_BIT: unused */
    const unsigned char *mask;
    int64_t mask_stride;    /* BINNING_MASK_BYTES: bytes from one row to the next */
    int64_t bit_first;      /* BINNING_BIT: bit number of row 0 in data */
    int64_t mask_bit_first; /* BINNING_MASK_BITS: bit number of row 0 in mask */
    int32_t kind;           /* enum binning_kind */
    int32_t mask_kind;      /* enum binning_mask_kind */
} binning_column;

/* A sparse matrix by rows, no feature twice in a row; what is absent is 0.0. */
typedef struct binning_csr {
    binning_column values;    /* of the stored entries */
    const int64_t *start;     /* (n_rows + 1,) first entry of each row */
    const int32_t *feature32; /* feature of each entry, in one of two widths; the other pointer is NULL */
    const int64_t *feature64;
} binning_csr;

/* How the values of one feature become codes.

   Numerical: a search tree of `depth` levels, node k has children 2k and 2k+1, node 1 is the root; after
   `depth` comparisons (right if x >= node) node - 2^depth is the code. Bounds that do not exist are NaN. */
typedef struct binning_table {
    const float *tree32; /* (2^depth,) bounds rounded up to float32: for values that are float32 */
    const float
        *coarse; /* (2^depth,) bounds minus offset, rounded to nearest: a first guess for float64 values */
    const double *lower; /* (2^depth,) ascending bounds, then NaN */
    double offset;       /* subtracted from float64 values before they are rounded for the guess */
    int32_t n_lower;     /* 0 (every value is missing) to 255 */
    int32_t depth;       /* 4 to 8, 2^depth > n_lower */
    int32_t coarse_pays; /* rounded bounds are far enough apart for the guess to be right nearly always */
    int32_t is_categorical;
    /* The range of the bounds cut into equal cells, (BINNING_CELLS + 1,) how many bounds lie in smaller cells
     * (in the last one, of values that are missing, 0), where no cell has more than `most_in_cell`; 0: there
     * are none. */
    const uint8_t *cells;
    double cell_low, cell_scale;
    int32_t most_in_cell;
    const double *known;       /* categorical: (n_known,) ascending values */
    const uint8_t *known_code; /* (n_known,) their codes */
    const uint8_t *small_code; /* (n_small,) codes of the integers 0 .. n_small-1 */
    int64_t n_known;
    int64_t n_small;
} binning_table;

enum {
    BINNING_MIN_DEPTH = 4,
    BINNING_MAX_DEPTH = 8,
    BINNING_CELLS = 2048,
    BINNING_MOST_IN_CELL = 2 /* with more, the search is faster */
};

#endif
