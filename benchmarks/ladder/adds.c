/* What a core can do at most: its clock, and additions to cells of 8 bytes at random places of a table.
 * Prints the clock in GHz, then for each table of the arguments (KB) the cycles of one addition. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NUMBERS = 1 << 16, REPEATS = 60 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Additions that wait for each other take a cycle each. */
static double clock_rate(void) {
    double best = 1e9;
    for (int r = 0; r < REPEATS; r++) {
        uint64_t x = 1;
        const double start = now();
        for (int i = 0; i < 100000; i++) {
            x += 3;
            __asm__ volatile("" : "+r"(x));
            x ^= 5;
            __asm__ volatile("" : "+r"(x));
        }
        const double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    return 2e5 / best;
}

int main(int n_arguments, char **arguments) {
    static uint32_t place[NUMBERS];
    const double rate = clock_rate();
    printf("%.3f\n", rate * 1e-9);
    for (int a = 1; a < n_arguments; a++) {
        const uint32_t n_cells = (uint32_t)atoi(arguments[a]) * 128;
        volatile int64_t *cells = calloc(n_cells, sizeof *cells);
        uint64_t x = 88172645463325252u;
        for (int i = 0; i < NUMBERS; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            place[i] = (uint32_t)(x % n_cells);
        }
        double best = 1e9;
        for (int r = 0; r < REPEATS; r++) {
            const double start = now();
            for (int i = 0; i < NUMBERS; i += 8)
                for (int j = 0; j < 8; j++)
                    cells[place[i + j]] += i;
            const double seconds = now() - start;
            best = seconds < best ? seconds : best;
        }
        printf("%.3f\n", best / NUMBERS * rate);
        free((void *)cells);
    }
    return 0;
}
