/* The table of kernels: one constant table per instruction set, one of them chosen at import. */
#ifndef FASTML_KERNELS_H
#define FASTML_KERNELS_H

#include <stdint.h>

typedef struct fastml_kernels {
    const char *name; /* "serial", "avx2", "avx512" or "neon" */
} fastml_kernels;

extern const fastml_kernels fastml_kernels_serial;
extern const fastml_kernels fastml_kernels_avx2;
extern const fastml_kernels fastml_kernels_avx512;
extern const fastml_kernels fastml_kernels_neon;

#endif
