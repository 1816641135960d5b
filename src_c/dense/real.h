/* One of the two vocabularies of reals.h under neutral names, so that a kernel is written once.
 *
 * A stem's body <stem>_body.h uses `real`, `lane`, `mask`, `whole` (an integer as wide as a real), LANES,
 * R(op) for an operation, W(op) for one on whole lanes, and RN(name) for its own names. <stem>.c includes it
 * twice, each time after defining REAL as 32 or 64:
 *
 *   #define REAL 32
 *   #include "dense/real.h"
 *   #include "dense/<stem>_body.h"
 *
 * Exported kernels are FN(RN(name)): nearest_rows_f32_avx512. There is no include guard: each inclusion
 * redefines the names.
 */
#include "dense/reals.h"

#undef real
#undef whole
#undef lane
#undef mask
#undef lane_whole
#undef LANES
#undef R
#undef W
#undef RN

#if REAL == 32
#define real float
#define whole int32_t
#define lane lane_f32
#define mask mask_f32
#define lane_whole lane_i32
#define LANES LANES_F32
#define R(op) f32_##op
#define W(op) i32_##op
#define RN(name) FASTML_PASTE(name, f32)
#elif REAL == 64
#define real double
#define whole int64_t
#define lane lane_f64
#define mask mask_f64
#define lane_whole lane_i64
#define LANES LANES_F64
#define R(op) f64_##op
#define W(op) i64_##op
#define RN(name) FASTML_PASTE(name, f64)
#else
#error "REAL is 32 or 64"
#endif
#undef REAL
