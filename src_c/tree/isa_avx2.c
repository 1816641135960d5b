#define FASTML_ISA avx2
#define FASTML_AVX2 1
#include "tree/bodies.h"
