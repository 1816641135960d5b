#define FASTML_ISA neon
#define FASTML_NEON 1
#include "dense/bodies.h"
