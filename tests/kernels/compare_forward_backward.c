/* Forward-backward: eight sequences, in as many groups as the instruction set has lanes for. What is kept
   lies in the order of the sequences, so it does not depend on the number of lanes. */
#include "compare.h"

#include <math.h>
#include <string.h>

enum { SEQUENCES = 8 };

/* [sequence][line][row] */
static double *drawn(bench *b, int64_t n_lines, int64_t n_rows, double low, double high) {
    const int64_t n = SEQUENCES * n_lines * n_rows;
    double *x = room(b, (size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = low + (high - low) * uniform(b);
    return x;
}

static double *blank(bench *b, int64_t n_lines, int64_t n_rows) {
    return room(b, (size_t)(SEQUENCES * n_lines * n_rows) * sizeof(double));
}

/* Sequences from `first` on into lanes, and back. */
static void to_lanes(const double *x, int64_t n_lines, int64_t n_rows, int first, int n_lanes, double *out) {
    for (int64_t i = 0; i < n_lines * n_rows; i++)
        for (int l = 0; l < n_lanes; l++)
            out[i * n_lanes + l] = x[(first + l) * n_lines * n_rows + i];
}

static void from_lanes(const double *in, int64_t n_lines, int64_t n_rows, int first, int n_lanes, double *x) {
    for (int64_t i = 0; i < n_lines * n_rows; i++)
        for (int l = 0; l < n_lanes; l++)
            x[(first + l) * n_lines * n_rows + i] = in[i * n_lanes + l];
}

static void keep_lines(bench *b, const double *x, int64_t n_lines, int64_t n_rows, double tolerance) {
    for (int64_t i = 0; i < SEQUENCES * n_lines * n_rows; i++)
        keep_close(b, x + i, 1, tolerance * (1 + fabs(x[i])));
}

/* A transition matrix of n states, padded, some entries zero; and its transpose. */
static forward_backward_chain some_chain(bench *b, int64_t n) {
    const int64_t m = FORWARD_BACKWARD_PAD(n);
    double *a = zeros(b, (size_t)(m * m) * sizeof *a), *t = zeros(b, (size_t)(m * m) * sizeof *t);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++)
            sum += a[i * m + j] = i == j || below(b, 5) ? 0.05 + uniform(b) : 0.0;
        for (int64_t j = 0; j < n; j++)
            t[j * m + i] = a[i * m + j] /= sum;
    }
    return (forward_backward_chain){(int32_t)m, a, t};
}

static double *some_densities(bench *b, int64_t n_frames, int64_t n, int64_t m) {
    double *d = drawn(b, n_frames, m, 0.1, 1.0);
    for (int64_t i = 0; i < SEQUENCES * n_frames * m; i++)
        if (i % m >= n)
            d[i] = 0;
    return d;
}

static void forward(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = 1 + below(b, 12), n_frames = 1 + below(b, 40);
    const forward_backward_chain chain = some_chain(b, n);
    const int64_t m = chain.n_padded;
    const int w = k->forward_backward_n_lanes();
    const double *d = some_densities(b, n_frames, n, m), *start = some_densities(b, 1, n, m);
    double *dl = blank(b, n_frames, m), *sl = blank(b, 1, m), *scratch = blank(b, 2, m);
    double *al = blank(b, n_frames + 1, m), *il = blank(b, n_frames, 1);
    double *alpha = blank(b, n_frames + 1, m), *inverse = blank(b, n_frames, 1);
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(d, n_frames, m, s, w, dl);
        to_lanes(start, 1, m, s, w, sl);
        memset(al, 0, (size_t)(m * w) * sizeof *al);
        k->forward_backward_forward(&chain, dl, n_frames, 0, sl, scratch, al, il);
        from_lanes(al, n_frames + 1, m, s, w, alpha);
        from_lanes(il, n_frames, 1, s, w, inverse);
    }
    keep_lines(b, alpha, n_frames + 1, m, 1e-12);
    keep_lines(b, inverse, n_frames, 1, 1e-12);
}

static void backward(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = 1 + below(b, 12), n_frames = 1 + below(b, 30);
    const forward_backward_chain chain = some_chain(b, n);
    const int64_t m = chain.n_padded;
    const int w = k->forward_backward_n_lanes();
    const double *d = some_densities(b, n_frames, n, m), *alpha = some_densities(b, n_frames + 1, n, m);
    const double *inverse = drawn(b, n_frames, 1, 0.5, 1.5), *end = some_densities(b, 1, n, m);
    double *ends = zeros(b, (size_t)(SEQUENCES * n_frames) * sizeof *ends);
    int64_t last_end = n_frames;
    for (int s = 0; s < SEQUENCES; s++) {
        const int64_t at = below(b, n_frames);
        ends[s * n_frames + at] = 1;
        last_end = at < last_end ? at : last_end;
    }
    double *dl = blank(b, n_frames, m), *al = blank(b, n_frames + 1, m), *il = blank(b, n_frames, 1);
    double *el = blank(b, 1, m), *nl = blank(b, n_frames, 1), *bl = blank(b, 1, m);
    double *gl = blank(b, n_frames, m), *wl = blank(b, n_frames, m), *ul = blank(b, 1, 1);
    double *gamma = blank(b, n_frames, m), *moved = blank(b, n_frames, m), *beta = blank(b, 1, m);
    double *doubt = blank(b, 1, 1);
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(d, n_frames, m, s, w, dl);
        to_lanes(alpha, n_frames + 1, m, s, w, al);
        to_lanes(inverse, n_frames, 1, s, w, il);
        to_lanes(end, 1, m, s, w, el);
        to_lanes(ends, n_frames, 1, s, w, nl);
        memset(bl, 0, (size_t)(m * w) * sizeof *bl);
        memset(ul, 0, (size_t)w * sizeof *ul);
        k->forward_backward_backward(&chain, dl, al, il, n_frames, bl, el, nl, last_end, gl, wl, ul);
        from_lanes(gl, n_frames, m, s, w, gamma);
        from_lanes(wl, n_frames, m, s, w, moved);
        from_lanes(bl, 1, m, s, w, beta);
        from_lanes(ul, 1, 1, s, w, doubt);
    }
    keep_lines(b, gamma, n_frames, m, 1e-12);
    keep_lines(b, moved, n_frames, m, 1e-12);
    keep_lines(b, beta, 1, m, 1e-12);
    keep_lines(b, doubt, 1, 1, 1e-12);
}

static void likelihood(const fastml_dense_kernels *k, bench *b) {
    const int64_t n_frames = 1 + below(b, 50);
    const int w = k->forward_backward_n_lanes();
    const double *shift = drawn(b, n_frames, 1, -50, 5), *inverse = drawn(b, n_frames, 1, 0.5, 30);
    double *sl = blank(b, n_frames, 1), *il = blank(b, n_frames, 1), *tl = blank(b, 1, 1);
    double *total = blank(b, 1, 1);
    int64_t since[SEQUENCES], to[SEQUENCES];
    for (int s = 0; s < SEQUENCES; s++) {
        since[s] = below(b, n_frames);
        to[s] = since[s] + below(b, n_frames - since[s] + 1);
    }
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(shift, n_frames, 1, s, w, sl);
        to_lanes(inverse, n_frames, 1, s, w, il);
        k->forward_backward_likelihood(sl, il, since + s, to + s, n_frames, tl);
        from_lanes(tl, 1, 1, s, w, total);
    }
    keep_lines(b, total, 1, 1, 1e-11);
}

/* Lanes that read pieces of an input of n_rows lines. */
static void some_lanes(bench *b, int64_t n_rows, int64_t n_frames, forward_backward_lanes *all) {
    all->n_frames = n_frames;
    for (int s = 0; s < SEQUENCES; s++) {
        all->since[s] = below(b, n_frames);
        all->to[s] = all->since[s] + below(b, n_frames - all->since[s] + 1);
        all->first[s] = below(b, n_rows - n_frames + 1);
    }
}

static forward_backward_lanes from_sequence(const forward_backward_lanes *all, int s, int w) {
    forward_backward_lanes part = {.n_frames = all->n_frames};
    for (int l = 0; l < w; l++) {
        part.first[l] = all->first[s + l];
        part.since[l] = all->since[s + l];
        part.to[l] = all->to[s + l];
    }
    return part;
}

static void pack(const fastml_dense_kernels *k, bench *b, int is_f32) {
    const int64_t d = 1 + below(b, 6), n_frames = 1 + below(b, 40), n_rows = n_frames + below(b, 20);
    const int entries = (int)below(b, 2), w = k->forward_backward_n_lanes();
    const int64_t lines = FORWARD_BACKWARD_PAD(entries ? 2 * d : d + below(b, 2));
    double *wide = room(b, (size_t)(n_rows * d) * sizeof *wide),
           *centre = room(b, (size_t)d * sizeof *centre);
    float *narrow = room(b, (size_t)(n_rows * d) * sizeof *narrow);
    for (int64_t i = 0; i < n_rows * d; i++) {
        narrow[i] = (float)bell(b);
        if (!below(b, 9))
            narrow[i] = NAN;
        wide[i] = narrow[i];
    }
    for (int64_t j = 0; j < d; j++)
        centre[j] = bell(b);
    forward_backward_lanes all;
    some_lanes(b, n_rows, n_frames, &all);
    double *xl = blank(b, n_frames, lines), *kl = blank(b, n_frames, 1);
    double *x = blank(b, n_frames, lines), *known = blank(b, n_frames, 1);
    for (int s = 0; s < SEQUENCES; s += w) {
        const forward_backward_lanes part = from_sequence(&all, s, w);
        if (is_f32)
            k->forward_backward_pack_f32(narrow, d, centre, &part, 0, n_frames, entries, lines, xl, kl);
        else
            k->forward_backward_pack_f64(wide, d, centre, &part, 0, n_frames, entries, lines, xl, kl);
        from_lanes(xl, n_frames, lines, s, w, x);
        from_lanes(kl, n_frames, 1, s, w, known);
    }
    keep(b, x, (size_t)(SEQUENCES * n_frames * lines) * sizeof *x);
    keep(b, known, (size_t)(SEQUENCES * n_frames) * sizeof *known);
}

static void pack_f32(const fastml_dense_kernels *k, bench *b) { pack(k, b, 1); }
static void pack_f64(const fastml_dense_kernels *k, bench *b) { pack(k, b, 0); }

static void densities(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = 1 + below(b, 6), mix = 1 + below(b, 3), d = 1 + below(b, 6),
                  n_frames = 1 + below(b, 20);
    const int32_t kind = (int32_t)below(b, 5);
    const int64_t c = FORWARD_BACKWARD_PAD(n * mix), columns = kind == FORWARD_BACKWARD_GIVEN ? n * mix : d;
    const int64_t lines = FORWARD_BACKWARD_PAD(kind == FORWARD_BACKWARD_ENTRIES ? 2 * d : columns);
    const int w = k->forward_backward_n_lanes();
    forward_backward_emission e = {
        .kind = kind, .n_states = (int32_t)n, .n_mix = (int32_t)mix, .n_features = (int32_t)columns};
    e.n_rows = (int32_t)lines;
    e.constant = drawn(b, c, 1, -3, 3);
    e.scale = drawn(b, c, d, -2, 2);
    e.offset = drawn(b, c, d, -2, 2);
    e.factor = drawn(b, c, d * (d + 1) / 2, -2, 2);
    e.log_scale = drawn(b, c, d, -2, 2);
    const double *x = drawn(b, n_frames, lines, -2, 2);
    double *known = blank(b, n_frames, 1);
    for (int64_t i = 0; i < SEQUENCES * n_frames; i++)
        known[i] = below(b, 4) > 0;
    double *xl = blank(b, n_frames, lines), *kl = blank(b, n_frames, 1), *ol = blank(b, n_frames, c);
    double *out = blank(b, n_frames, c);
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(x, n_frames, lines, s, w, xl);
        to_lanes(known, n_frames, 1, s, w, kl);
        k->forward_backward_densities(&e, xl, kl, n_frames, ol);
        from_lanes(ol, n_frames, c, s, w, out);
    }
    for (int64_t i = 0; i < SEQUENCES * n_frames * c; i++)
        if (i % c < n * mix)
            keep_close(b, out + i, 1, 1e-12 * (1 + fabs(out[i])));
}

static void scale(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = 1 + below(b, 9), m = FORWARD_BACKWARD_PAD(n), n_frames = 1 + below(b, 20);
    const int w = k->forward_backward_n_lanes();
    const double *logs = drawn(b, n_frames, m, -40, 5);
    double *dl = blank(b, n_frames, m), *sl = blank(b, n_frames, 1);
    double *d = blank(b, n_frames, m), *shift = blank(b, n_frames, 1);
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(logs, n_frames, m, s, w, dl);
        k->forward_backward_scale(dl, n_frames, n, sl);
        from_lanes(dl, n_frames, m, s, w, d);
        from_lanes(sl, n_frames, 1, s, w, shift);
    }
    keep_lines(b, d, n_frames, m, 1e-13);
    keep_lines(b, shift, n_frames, 1, 0);
}

static void mixed(const fastml_dense_kernels *k, bench *b, int logs) {
    const int64_t n = 1 + below(b, 6), mix = 1 + below(b, 4), n_frames = 1 + below(b, 20);
    const int64_t c = FORWARD_BACKWARD_PAD(n * mix), m = FORWARD_BACKWARD_PAD(n);
    const int w = k->forward_backward_n_lanes();
    const double *x = drawn(b, n_frames, c, logs ? -30 : 0, 1);
    double *xl = blank(b, n_frames, c), *ol = blank(b, n_frames, m), *out = blank(b, n_frames, m);
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(x, n_frames, c, s, w, xl);
        if (logs)
            k->forward_backward_mix_log(xl, n_frames, n, mix, ol);
        else
            k->forward_backward_mix(xl, n_frames, n, mix, ol);
        from_lanes(ol, n_frames, m, s, w, out);
    }
    keep_lines(b, out, n_frames, m, 1e-13);
}

static void mix(const fastml_dense_kernels *k, bench *b) { mixed(k, b, 0); }
static void mix_log(const fastml_dense_kernels *k, bench *b) { mixed(k, b, 1); }

static int32_t *some_symbols(bench *b, int64_t n, int64_t n_symbols) {
    int32_t *symbols = room(b, (size_t)n * sizeof *symbols);
    for (int64_t i = 0; i < n; i++)
        symbols[i] = (int32_t)below(b, n_symbols + 1) - 1;
    return symbols;
}

static void lookup(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = 1 + below(b, 9), m = FORWARD_BACKWARD_PAD(n), n_frames = 1 + below(b, 30);
    const int64_t n_rows = n_frames + below(b, 20), n_symbols = 1 + below(b, 10);
    const int w = k->forward_backward_n_lanes();
    const int32_t *symbols = some_symbols(b, n_rows, n_symbols);
    const double *table = drawn(b, n_symbols, m, 0, 1), *tops = drawn(b, n_symbols, 1, -9, 0);
    forward_backward_lanes all;
    some_lanes(b, n_rows, n_frames, &all);
    double *ol = blank(b, n_frames, m), *sl = blank(b, n_frames, 1);
    double *out = blank(b, n_frames, m), *shift = blank(b, n_frames, 1);
    for (int s = 0; s < SEQUENCES; s += w) {
        const forward_backward_lanes part = from_sequence(&all, s, w);
        k->forward_backward_lookup(symbols, &part, 0, n_frames, table, tops, n, 1.0, ol, sl);
        from_lanes(ol, n_frames, m, s, w, out);
        from_lanes(sl, n_frames, 1, s, w, shift);
    }
    keep(b, out, (size_t)(SEQUENCES * n_frames * m) * sizeof *out);
    keep(b, shift, (size_t)(SEQUENCES * n_frames) * sizeof *shift);
}

static void sums(const fastml_dense_kernels *k, bench *b) {
    const int64_t n_a = 4 + 4 * below(b, 3), lines = 4 + 4 * below(b, 3), n_frames = 1 + below(b, 40);
    const int pairs = (int)below(b, 2), w = k->forward_backward_n_lanes();
    const int64_t n_b = pairs ? 4 + 4 * below(b, 3) : lines;
    const double *a = drawn(b, n_frames, n_a, 0, 1), *x = drawn(b, n_frames, lines, -1, 1);
    int32_t left[12], right[12];
    for (int j = 0; j < 12; j++) {
        left[j] = (int32_t)below(b, lines);
        right[j] = (int32_t)below(b, lines);
    }
    double *al = blank(b, n_frames, n_a), *xl = blank(b, n_frames, lines), *cl = blank(b, n_a, n_b);
    double *cells = blank(b, n_a, n_b);
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(a, n_frames, n_a, s, w, al);
        to_lanes(x, n_frames, lines, s, w, xl);
        memset(cl, 0, (size_t)(n_a * n_b * w) * sizeof *cl);
        k->forward_backward_sums(al, n_a, n_a, xl, lines, n_b, pairs ? left : 0, pairs ? right : 0, n_frames,
                                 cl);
        from_lanes(cl, n_a, n_b, s, w, cells);
    }
    keep_lines(b, cells, n_a, n_b, 1e-13);
}

static void totals(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = 4 + 4 * below(b, 3), n_frames = 1 + below(b, 40);
    const int w = k->forward_backward_n_lanes();
    const double *a = drawn(b, n_frames, n, 0, 1);
    double *al = blank(b, n_frames, n), *cl = blank(b, 1, n), *cells = blank(b, 1, n);
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(a, n_frames, n, s, w, al);
        memset(cl, 0, (size_t)(n * w) * sizeof *cl);
        k->forward_backward_totals(al, n, n_frames, cl);
        from_lanes(cl, 1, n, s, w, cells);
    }
    keep_lines(b, cells, 1, n, 1e-13);
}

static void share(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = 1 + below(b, 6), mix = 1 + below(b, 4), n_frames = 1 + below(b, 20);
    const int64_t c = FORWARD_BACKWARD_PAD(n * mix), m = FORWARD_BACKWARD_PAD(n);
    const int w = k->forward_backward_n_lanes();
    const double *gamma = drawn(b, n_frames, m, 0, 1), *d = drawn(b, n_frames, m, 0.1, 1);
    const double *e = drawn(b, n_frames, c, 0, 0.1);
    double *gl = blank(b, n_frames, m), *dl = blank(b, n_frames, m), *el = blank(b, n_frames, c);
    double *ol = blank(b, n_frames, c), *out = blank(b, n_frames, c);
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(gamma, n_frames, m, s, w, gl);
        to_lanes(d, n_frames, m, s, w, dl);
        to_lanes(e, n_frames, c, s, w, el);
        k->forward_backward_share(gl, dl, el, n_frames, n, mix, ol);
        from_lanes(ol, n_frames, c, s, w, out);
    }
    keep_lines(b, out, n_frames, c, 1e-13);
}

static void count(const fastml_dense_kernels *k, bench *b) {
    const int64_t m = 4 + 4 * below(b, 3), n_frames = 1 + below(b, 30), n_rows = n_frames + below(b, 20);
    const int64_t n_symbols = 1 + below(b, 10);
    const int w = k->forward_backward_n_lanes();
    const int32_t *symbols = some_symbols(b, n_rows, n_symbols);
    const double *gamma = drawn(b, n_frames, m, 0, 1);
    forward_backward_lanes all;
    some_lanes(b, n_rows, n_frames, &all);
    double *gl = blank(b, n_frames, m);
    double *counts = zeros(b, (size_t)(n_symbols * m) * sizeof *counts);
    for (int s = 0; s < SEQUENCES; s += w) {
        const forward_backward_lanes part = from_sequence(&all, s, w);
        to_lanes(gamma, n_frames, m, s, w, gl);
        k->forward_backward_count(gl, m, symbols, &part, 0, n_frames, counts);
    }
    keep_close(b, counts, (size_t)(n_symbols * m), 1e-11);
}

static void unpack(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = 1 + below(b, 9), m = FORWARD_BACKWARD_PAD(n), n_frames = 1 + below(b, 30);
    const int w = k->forward_backward_n_lanes();
    const double *x = drawn(b, n_frames, m, 0, 1);
    forward_backward_lanes all;
    some_lanes(b, n_frames, n_frames, &all);
    for (int s = 0; s < SEQUENCES; s++)
        all.first[s] = s * n_frames; /* no two lanes write the same line */
    double *xl = blank(b, n_frames, m);
    double *out = zeros(b, (size_t)(SEQUENCES * n_frames * n) * sizeof *out);
    for (int s = 0; s < SEQUENCES; s += w) {
        const forward_backward_lanes part = from_sequence(&all, s, w);
        to_lanes(x, n_frames, m, s, w, xl);
        k->forward_backward_unpack(xl, m, n, &part, 0, n_frames, out);
    }
    keep(b, out, (size_t)(SEQUENCES * n_frames * n) * sizeof *out);
}

static void cut(const fastml_dense_kernels *k, bench *b) {
    const int64_t m = 4, n_frames = 1 + below(b, 30);
    const int w = k->forward_backward_n_lanes();
    double *x = drawn(b, n_frames, m, 0, 1), *xl = blank(b, n_frames, m);
    int64_t to[SEQUENCES];
    for (int s = 0; s < SEQUENCES; s++)
        to[s] = below(b, n_frames + 1);
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(x, n_frames, m, s, w, xl);
        k->forward_backward_cut(xl, m, to + s, 0, n_frames);
        from_lanes(xl, n_frames, m, s, w, x);
    }
    keep(b, x, (size_t)(SEQUENCES * n_frames * m) * sizeof *x);
}

static void path(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = 1 + below(b, 9), m = FORWARD_BACKWARD_PAD(n), n_frames = 1 + below(b, 30);
    const int w = k->forward_backward_n_lanes();
    const double *moves = drawn(b, m, m, -4, 0), *d = drawn(b, n_frames, m, -9, 0);
    const double *start = drawn(b, 1, m, -4, 0);
    double *dl = blank(b, n_frames, m), *sl = blank(b, 1, m), *bl = blank(b, 1, m), *nl = blank(b, 1, m);
    double *best = blank(b, 1, m), *back = zeros(b, (size_t)(SEQUENCES * n_frames * m) * sizeof *back);
    int16_t *wayl = room(b, (size_t)(SEQUENCES * n_frames * m) * sizeof *wayl);
    memset(best, 0, (size_t)(SEQUENCES * m) * sizeof *best);
    for (int s = 0; s < SEQUENCES; s += w) {
        to_lanes(d, n_frames, m, s, w, dl);
        to_lanes(start, 1, m, s, w, sl);
        memset(bl, 0, (size_t)(m * w) * sizeof *bl);
        k->forward_backward_path(moves, n, dl, n_frames, 0, sl, bl, nl, wayl);
        for (int64_t j = 0; j < n; j++)
            for (int l = 0; l < w; l++) {
                best[(s + l) * m + j] = bl[j * w + l];
                for (int64_t t = 0; t < n_frames; t++)
                    back[((s + l) * n_frames + t) * m + j] = wayl[(t * m + j) * w + l];
            }
    }
    keep(b, best, (size_t)(SEQUENCES * m) * sizeof *best);
    keep(b, back, (size_t)(SEQUENCES * n_frames * m) * sizeof *back);
}

static void path_alone(const fastml_dense_kernels *k, bench *b) {
    enum { WIDE = 2 * FORWARD_BACKWARD_MOST_LANES };
    const int64_t n = 1 + below(b, WIDE), n_frames = 1 + below(b, 30);
    double moves[WIDE * WIDE], d[31 * WIDE], start[WIDE], best[WIDE] = {0}, next[WIDE];
    int16_t back[30 * WIDE];
    for (int i = 0; i < WIDE * WIDE; i++)
        moves[i] = -1 - (double)below(b, 5); /* so that many paths are equally likely */
    for (int i = 0; i < 31 * WIDE; i++)
        d[i] = -(double)below(b, 4);
    for (int i = 0; i < WIDE; i++)
        start[i] = -uniform(b);
    k->forward_backward_path_alone(moves, n, WIDE, d, n_frames, below(b, 2) ? 0 : -1, start, best, next,
                                   back);
    keep(b, best, (size_t)n * sizeof *best);
    for (int64_t t = 0; t < n_frames; t++)
        keep(b, back + t * WIDE, (size_t)n * sizeof *back);
}

static void n_lanes(const fastml_dense_kernels *k, bench *b) {
    const int w = k->forward_backward_n_lanes();
    const int divides = w > 1 && w <= FORWARD_BACKWARD_MOST_LANES && SEQUENCES % w == 0;
    keep(b, &divides, sizeof divides);
}

const dense_case forward_backward_cases[] = {
    {"forward_backward_backward", backward}, {"forward_backward_count", count},
    {"forward_backward_cut", cut},           {"forward_backward_densities", densities},
    {"forward_backward_forward", forward},   {"forward_backward_likelihood", likelihood},
    {"forward_backward_lookup", lookup},     {"forward_backward_mix", mix},
    {"forward_backward_mix_log", mix_log},   {"forward_backward_n_lanes", n_lanes},
    {"forward_backward_pack_f32", pack_f32}, {"forward_backward_pack_f64", pack_f64},
    {"forward_backward_path", path},         {"forward_backward_path_alone", path_alone},
    {"forward_backward_scale", scale},       {"forward_backward_share", share},
    {"forward_backward_sums", sums},         {"forward_backward_totals", totals},
    {"forward_backward_unpack", unpack},     {NULL, NULL},
};
