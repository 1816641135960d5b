/* float or double under neutral names, so that a case is written once: a stem's body is included twice, each
   time after defining REAL as 32 or 64 and including this. There is no include guard: each inclusion
   redefines the names. */
#undef real
#undef OF
#undef ROUNDING

#define keep_close_f64 keep_close

#if REAL == 32
#define real float
#define OF(name) name##_f32
#define ROUNDING 1e-7
#else
#define real double
#define OF(name) name##_f64
#define ROUNDING 2e-16
#endif
#undef REAL
