#include <math.h>

#include "dense/online.h"
#include "dense/exp_log.h"

#define REAL 32
#include "dense/real.h"
#include "dense/online_body.h"

#define REAL 64
#include "dense/real.h"
#include "dense/online_body.h"
