#include "cpu.h"

#include <stdint.h>

#ifdef FASTML_X86_64

#ifdef _MSC_VER
#include <intrin.h>
static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]) {
    __cpuidex((int *)out, (int)leaf, (int)subleaf);
}
static uint64_t xgetbv(void) { return _xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]) {
    __cpuid_count(leaf, subleaf, out[0], out[1], out[2], out[3]);
}
/* By hand: the intrinsic would need this file compiled with -mxsave. */
static uint64_t xgetbv(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}
#endif

enum { EAX, EBX, ECX, EDX };

static int has(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

unsigned fastml_cpu_features(void) {
    uint32_t leaf[4], basic[4], extended[4], more[4];
    cpuid(0, 0, leaf);
    if (leaf[EAX] < 7)
        return 0;
    cpuid(0x80000000u, 0, leaf);
    if (leaf[EAX] < 0x80000001u)
        return 0;
    cpuid(1, 0, basic);
    cpuid(7, 0, extended);
    cpuid(0x80000001u, 0, more);

    /* The instructions being there is not enough: without OSXSAVE and the right bits in XCR0 the system
       does not keep the wide registers of a thread (or forbids them: some hypervisors and kernels do). */
    const uint32_t fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, popcnt = 1u << 23;
    if (!has(basic[ECX], fma | osxsave | avx | popcnt))
        return 0;
    const uint64_t xcr0 = xgetbv();
    const uint64_t ymm_state = 0x06, zmm_state = 0xe6;
    if ((xcr0 & ymm_state) != ymm_state)
        return 0;
    const uint32_t bmi1 = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8, lzcnt = 1u << 5;
    if (!has(extended[EBX], bmi1 | avx2 | bmi2) || !has(more[ECX], lzcnt))
        return 0;
    unsigned features = FASTML_CPU_AVX2;

    const uint32_t vnni = 1u << 11;
    const uint32_t f = 1u << 16, dq = 1u << 17, cd = 1u << 28, bw = 1u << 30, vl = 1u << 31;
    if ((xcr0 & zmm_state) == zmm_state && has(extended[EBX], f | dq | cd | bw | vl))
        features |= FASTML_CPU_AVX512 | (has(extended[ECX], vnni) ? FASTML_CPU_VNNI : 0);
    return features;
}

#elif defined(FASTML_ARM64)

/* Advanced SIMD is part of every AArch64 application processor. */
unsigned fastml_cpu_features(void) { return FASTML_CPU_NEON; }

#else

unsigned fastml_cpu_features(void) { return 0; }

#endif
