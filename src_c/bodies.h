/* Every body, once per instruction set: included by the unity files isa_<isa>.c and by nothing else. */
#include "simd.h"
#include "kernels.h"

#define FASTML_STRING_(word) #word
#define FASTML_STRING(word) FASTML_STRING_(word)

const fastml_kernels FN(fastml_kernels) = {
    .name = FASTML_STRING(FASTML_ISA),
};
