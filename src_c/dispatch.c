#include "dispatch.h"

#include <stddef.h>
#include <string.h>

#include "cpu.h"

const char *const fastml_isa_names[] = {"avx512", "avx2", "neon", "serial", NULL};

static const fastml_kernels *runnable(const char *name, unsigned features) {
    (void)features;
#ifdef FASTML_X86_64
    if (strcmp(name, "avx512") == 0 && (features & FASTML_CPU_AVX512))
        return &fastml_kernels_avx512;
    if (strcmp(name, "avx2") == 0 && (features & FASTML_CPU_AVX2))
        return &fastml_kernels_avx2;
#endif
#ifdef FASTML_ARM64
    if (strcmp(name, "neon") == 0 && (features & FASTML_CPU_NEON))
        return &fastml_kernels_neon;
#endif
    if (strcmp(name, "serial") == 0)
        return &fastml_kernels_serial;
    return NULL;
}

const fastml_kernels *fastml_find_kernels(const char *name, fastml_status *status) {
    const unsigned features = fastml_cpu_features();
    *status = FASTML_UNKNOWN_ISA;
    for (const char *const *known = fastml_isa_names; *known != NULL; known++) {
        if (name != NULL && strcmp(name, *known) != 0)
            continue;
        const fastml_kernels *table = runnable(*known, features);
        *status = table != NULL ? FASTML_OK : FASTML_UNSUPPORTED_ISA;
        if (table != NULL || name != NULL)
            return table;
    }
    return NULL;
}
