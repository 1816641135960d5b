"""The slow, obvious search of one numerical feature: every code, both sides for the missing."""


def best_split(g, h, *, l2, min_h, rows=None, min_rows=1):
    """(gain, code, missing_left) of the best split of exact sums per code; the first one among equals.

    rows: rows per code; then each child must have min_rows of them.
    """
    g, h = [int(x) for x in g], [int(x) for x in h]
    total_g, total_h = sum(g), sum(h)
    if total_h == 0:  # no rows, or none that counts
        return -1.0, 0, False
    parent = float(total_g) * float(total_g) / (total_h + l2)
    best = (-1.0, 0, False)
    for code in range(1, len(g)):
        for missing_left in (False, True) if g[0] or h[0] else (False,):
            if missing_left and not any(g[1 : code + 1]) and not any(h[1 : code + 1]):
                continue  # the missing alone: the last code with the missing on the right says the same
            gl = float(sum(g[1 : code + 1]) + (g[0] if missing_left else 0))
            hl = float(sum(h[1 : code + 1]) + (h[0] if missing_left else 0))
            gr, hr = total_g - gl, total_h - hl
            if hl < min_h or hr < min_h:
                continue
            if rows is not None:
                n_left = sum(rows[1 : code + 1]) + (rows[0] if missing_left else 0)
                if n_left < min_rows or sum(rows) - n_left < min_rows:
                    continue
            a, b = hl + l2, hr + l2
            gain = ((gl * gl) * b + (gr * gr) * a) / (a * b) - parent
            if gain > 1e-12 * parent and gain > best[0]:
                best = (gain, code, missing_left)
    return best
