/* exp and log of arrays: what the other kernels compute in passing, by itself, so that it can be tested. */
#include "dense/exp_log.h"

#define REAL 32
#include "dense/real.h"
#include "dense/vmath_body.h"

#define REAL 64
#include "dense/real.h"
#include "dense/vmath_body.h"
