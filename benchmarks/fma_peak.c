/* The most float32 operations a second that one core does in fused multiply-adds: prints GFLOP/s. */
#include <stdio.h>
#include <time.h>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
typedef float lane __attribute__((vector_size(BYTES)));

enum {
    SUMS = BYTES == 64 ? 24 : 12,
    TURNS = 4000000,
    ROUNDS = 9
}; /* more sums than the units hold in flight */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void) {
    volatile float told = 0.999f;
    double best = 1e9;
    lane sum[SUMS], factor = {0}, term = {0};
    factor += told;
    term += told;
    for (int i = 0; i < SUMS; i++)
        sum[i] = term * (float)i;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now();
        for (int turn = 0; turn < TURNS; turn++) {
#pragma GCC unroll 24
            for (int i = 0; i < SUMS; i++)
                sum[i] = sum[i] * factor + term;
        }
        const double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    for (int i = 1; i < SUMS; i++)
        sum[0] += sum[i];
    told = sum[0][0];
    printf("%.1f\n", 2e-9 * SUMS * (BYTES / 4) * TURNS / best);
    return 0;
}
