#define FASTML_ISA serial
#define FASTML_SERIAL 1
#include "dense/bodies.h"
