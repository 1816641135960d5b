#define FASTML_ISA neon
#define FASTML_NEON 1
#include "tree/bodies.h"
