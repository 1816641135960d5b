/* Quantile: the distinct values of a feature's sample and the edges between its bins. */
#ifndef FASTML_TREE_QUANTILE_H
#define FASTML_TREE_QUANTILE_H

#include <stdint.h>

/* Keys are unsigned integers in the order of the values; -0.0 has the key of 0.0. */
enum { QUANTILE_BITS = 11, QUANTILE_SLOTS = 1 << QUANTILE_BITS };

#endif
