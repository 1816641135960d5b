#include "dispatch.h"

#include <stddef.h>
#include <string.h>

#include "cpu.h"

const char *const fastml_isa_names[] = {"avx512", "avx2", "neon", "serial", NULL};

#define TABLES(isa)                                                                                          \
    static const fastml_kernels isa##_tables = {#isa, &fastml_tree_kernels_##isa,                            \
                                                &fastml_dense_kernels_##isa};

#ifdef FASTML_X86_64
TABLES(avx512)
TABLES(avx2)
#endif
#ifdef FASTML_ARM64
TABLES(neon)
#endif
TABLES(serial)

static const fastml_kernels *runnable(const char *name, unsigned features) {
    (void)features;
#ifdef FASTML_X86_64
    if (strcmp(name, "avx512") == 0 && (features & FASTML_CPU_AVX512))
        return &avx512_tables;
    if (strcmp(name, "avx2") == 0 && (features & FASTML_CPU_AVX2))
        return &avx2_tables;
#endif
#ifdef FASTML_ARM64
    if (strcmp(name, "neon") == 0 && (features & FASTML_CPU_NEON))
        return &neon_tables;
#endif
    if (strcmp(name, "serial") == 0)
        return &serial_tables;
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
