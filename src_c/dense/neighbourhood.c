#include "dense/neighbourhood.h"

#define REAL 64
#include "dense/real.h"

/* A tile of the result that stays in registers, with a line of s and one value of h. */
enum { SMOOTH_LINES = 6, SMOOTH_LANES = REAL_REGISTERS == 32 ? 4 : 2 };

/* Columns 0 to n_lanes * LANES - 1 of a block of lines; the last vector has only `part` columns. */
static ALWAYS_INLINE void smooth_tile(const double *const *h, const double *s, int64_t s_stride,
                                      int64_t first, int64_t last, int n_lanes, int part, int lines,
                                      double *out, int64_t out_stride) {
    lane sum[SMOOTH_LINES][SMOOTH_LANES];
    for (int a = 0; a < SMOOTH_LINES; a++)
        for (int q = 0; q < n_lanes; q++)
            sum[a][q] = R(set)(0.0);
    for (int64_t b = first; b < last; b++) {
        lane line[SMOOTH_LANES];
        for (int q = 0; q < n_lanes; q++)
            line[q] =
                part < LANES ? R(load_part)(s + b * s_stride, part) : R(load)(s + b * s_stride + q * LANES);
        for (int a = 0; a < SMOOTH_LINES; a++) {
            const lane weight = R(set)(h[a][b]);
            for (int q = 0; q < n_lanes; q++)
                sum[a][q] = R(fma)(weight, line[q], sum[a][q]);
        }
    }
    for (int a = 0; a < lines; a++)
        for (int q = 0; q < n_lanes; q++)
            if (part < LANES)
                R(store_part)(out + a * out_stride, sum[a][q], part);
            else
                R(store)(out + a * out_stride + q * LANES, sum[a][q]);
}

static void FN(neighbourhood_smooth)(const double *h, int64_t h_stride, int64_t m, int64_t p, const double *s,
                                     int64_t s_stride, int64_t w, double *out, int64_t out_stride) {
    for (int64_t a = 0; a < m; a += SMOOTH_LINES) {
        const int lines = (int)(m - a < SMOOTH_LINES ? m - a : SMOOTH_LINES);
        const double *of[SMOOTH_LINES]; /* behind the last line: the last line again, not stored */
        int64_t first = p, last = 0;
        for (int i = 0; i < SMOOTH_LINES; i++) {
            of[i] = h + (a + (i < lines ? i : lines - 1)) * h_stride;
            int64_t b = 0;
            while (b < first && of[i][b] == 0.0)
                b++;
            first = b;
            b = p;
            while (b > last && of[i][b - 1] == 0.0)
                b--;
            last = b;
        }
        double *to = out + a * out_stride;
        int64_t c = 0;
        for (; c + SMOOTH_LANES * LANES <= w; c += SMOOTH_LANES * LANES)
            smooth_tile(of, s + c, s_stride, first, last, SMOOTH_LANES, LANES, lines, to + c, out_stride);
        for (; c + LANES <= w; c += LANES)
            smooth_tile(of, s + c, s_stride, first, last, 1, LANES, lines, to + c, out_stride);
        if (c < w)
            smooth_tile(of, s + c, s_stride, first, last, 1, (int)(w - c), lines, to + c, out_stride);
    }
}
