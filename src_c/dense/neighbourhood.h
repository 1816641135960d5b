/* Smoothing of per-node sums over the map of a self-organising map: products of small matrices.
 *
 *   out[a][c] = sum over b of h[a][b] * s[b][c]      0 <= a < m, 0 <= b < p, 0 <= c < w
 *
 * h holds values of the neighbourhood function between two lines of the map, or two nodes of them; s sums of
 * rows, by node. All are float64 in C order with the line lengths h_stride, s_stride, out_stride; out
 * overlaps nothing. Each element is summed by fused multiply-adds in the order of b, whatever its place in
 * the tile. Zeros before the first and behind the last value of a block of lines of h cost nothing, so that a
 * narrow neighbourhood is cheap; s must be finite.
 */
#ifndef FASTML_DENSE_NEIGHBOURHOOD_H
#define FASTML_DENSE_NEIGHBOURHOOD_H

enum { NEIGHBOURHOOD_STRIP = 64 }; /* columns that callers give at once, so that s stays in cache */

#endif
