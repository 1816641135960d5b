#define FASTML_ISA serial
#define FASTML_SERIAL 1
#include "tree/bodies.h"
