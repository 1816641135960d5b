/* What the processor and the operating system can run, asked once at import. */
#ifndef FASTML_CPU_H
#define FASTML_CPU_H

#if defined(__x86_64__) || defined(_M_X64)
#define FASTML_X86_64 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define FASTML_ARM64 1
#endif

enum {
    /* AVX2 with FMA, BMI1, BMI2, LZCNT and POPCNT, and the system saves the 256-bit registers */
    FASTML_CPU_AVX2 = 1,
    /* AVX-512 F, BW, DQ, VL, CD on top of the above, and the system saves the 512-bit and mask registers */
    FASTML_CPU_AVX512 = 2,
    FASTML_CPU_NEON = 4,
    /* vpdpwssd on 512 bits: products of pairs of int16 added to int32 */
    FASTML_CPU_VNNI = 8,
};

/* Bit set of the above. */
unsigned fastml_cpu_features(void);

#endif
