/* The small vocabulary over which the kernels are written once.

   A unity file (<engine>/isa_<isa>.c) defines FASTML_ISA, its suffix, and FASTML_<ISA>, then includes the
   engine's bodies.h; every
   exported name goes through FN, so that the four copies of one body link side by side. */
#ifndef FASTML_SIMD_H
#define FASTML_SIMD_H

#ifndef FASTML_ISA
#error "FASTML_ISA is not defined: bodies are compiled through <engine>/isa_<isa>.c only"
#endif

#define FASTML_PASTE_(name, isa) name##_##isa
#define FASTML_PASTE(name, isa) FASTML_PASTE_(name, isa)
#define FN(name) FASTML_PASTE(name, FASTML_ISA)
#define FASTML_STRING_(word) #word
#define FASTML_STRING(word) FASTML_STRING_(word)

#if defined(__GNUC__) || defined(__clang__)
#define PREFETCH(address) __builtin_prefetch(address)
#define POPCOUNT(x) __builtin_popcount(x)
#define LOWEST_BIT(x) __builtin_ctz(x)
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NEVER_INLINE __attribute__((noinline))
#else
#define PREFETCH(address) ((void)(address))
#define ALWAYS_INLINE inline
#define NEVER_INLINE
#endif

/* Before a loop: its iterations touch different memory, whatever the pointers look like. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define INDEPENDENT
#endif

#endif
