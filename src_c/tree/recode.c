/* See recode.h. */
#include "recode.h"

enum { WORDS = 1024 }; /* a bit for each rank */

/* Marks the ranks of n records in `seen`, all 0 before, and its words that are not 0 any more in `words`.
 * Returns whether they are at most RECODE_MOST; as soon as they are more it stops. */
static int see_ranks(const records_layout *layout, const uint8_t *records, int64_t n, const uint16_t *ranks,
                     int64_t step, uint64_t *seen, uint64_t *words) {
    int64_t n_ranks = 0;
    for (int64_t i = 0; i < n; records += layout->stride) {
        const uint16_t r = ranks[records_row(layout, records) * step];
        const uint64_t bit = (uint64_t)1 << (r & 63), word = seen[r >> 6];
        n_ranks += r && !(word & bit);
        seen[r >> 6] = word | bit;
        words[r >> 12] |= (uint64_t)1 << (r >> 6 & 63);
        if ((++i & 255) == 0 && n_ranks > RECODE_MOST)
            return 0;
    }
    return n_ranks <= RECODE_MOST;
}

/* Writes the codes of one feature into n records, whose ranks have been seen; returns how many codes they
 * have, 0 included. rank_of: receives the rank of each code. */
static int32_t write_codes(const records_layout *layout, uint8_t *records, int64_t n, const uint16_t *ranks,
                           int64_t step, int32_t feature, uint64_t *seen, const uint64_t *words,
                           uint16_t *rank_of) {
    uint8_t before[WORDS]; /* codes of all words before, 0 included */
    int32_t n_codes = 1;
    seen[0] &= ~(uint64_t)1; /* missing values have code 0 anyway */
    rank_of[0] = 0;
    for (int k = 0; k < WORDS / 64; k++)
        for (uint64_t left = words[k]; left; left &= left - 1) {
            const int at = 64 * k + __builtin_ctzll(left);
            before[at] = (uint8_t)n_codes;
            for (uint64_t bits = seen[at]; bits; bits &= bits - 1)
                rank_of[n_codes++] = (uint16_t)(64 * at + __builtin_ctzll(bits));
        }
    for (int64_t i = 0; i < n; i++, records += layout->stride) {
        const uint16_t r = ranks[records_row(layout, records) * step];
        const uint64_t below = seen[r >> 6] & (((uint64_t)1 << (r & 63)) - 1);
        records[feature] = (uint8_t)(r ? before[r >> 6] + __builtin_popcountll(below) : 0);
    }
    return n_codes;
}

/* Gives n records codes of their own in those features of `wide` that have at most RECODE_MOST values there.
 *
 * done: bit j is set where feature j of `wide` has such codes already. rank_of: (wide->n_features, 256),
 * receives the rank of each code. n_codes: by feature of the table, receives how many codes there are, 0
 * included; those of other features stay. Returns `done` with the bits of the features added.
 */
uint64_t FN(records_recode)(const records_layout *layout, uint8_t *records, int64_t n,
                            const recode_ranks *wide, uint64_t done, uint16_t *rank_of, int32_t *n_codes) {
    uint64_t seen[WORDS];
    memset(seen, 0, ((size_t)wide->most / 64 + 1) * sizeof *seen);
    for (int32_t j = 0; j < wide->n_features; j++) {
        if (done >> j & 1)
            continue;
        const int32_t feature = wide->features[j], step = wide->n_features;
        const uint16_t *ranks = wide->ranks + j;
        uint64_t words[WORDS / 64] = {0};
        if (see_ranks(layout, records, n, ranks, step, seen, words)) {
            n_codes[feature] =
                write_codes(layout, records, n, ranks, step, feature, seen, words, rank_of + 256 * j);
            done |= (uint64_t)1 << j;
        }
        for (int k = 0; k < WORDS / 64; k++)
            for (uint64_t left = words[k]; left; left &= left - 1)
                seen[64 * k + __builtin_ctzll(left)] = 0;
    }
    return done;
}
