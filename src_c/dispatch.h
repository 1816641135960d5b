/* Choice of the kernel tables. */
#ifndef FASTML_DISPATCH_H
#define FASTML_DISPATCH_H

#include "dense/kernels.h"
#include "status.h"
#include "tree/kernels.h"

/* Names of all instruction sets of the library, best first, ended by NULL. */
extern const char *const fastml_isa_names[];

/* The kernels of one instruction set, a table for each engine. */
typedef struct fastml_kernels {
    const char *name; /* "serial", "avx2", "avx512" or "neon" */
    const fastml_tree_kernels *tree;
    const fastml_dense_kernels *dense;
} fastml_kernels;

/* Tables of the named instruction set, if this build has it and this machine runs it; NULL otherwise, with
   the reason in *status. name = NULL asks for the best one, which always exists. */
const fastml_kernels *fastml_find_kernels(const char *name, fastml_status *status);

#endif
