#define FASTML_ISA avx512
#define FASTML_AVX512 1
#include "dense/bodies.h"
