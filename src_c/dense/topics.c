#include "dense/topics.h"
#include "dense/digamma.h"
#include "dense/transpose.h"

#include <math.h>

#define REAL 32
#include "dense/real.h"
#include "dense/topics_body.h"

#define REAL 64
#include "dense/real.h"
#include "dense/topics_body.h"
