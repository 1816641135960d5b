"""The slow, obvious partition."""


def partition(codes, rows, feature, code, missing_left, category_set=None):
    """Rows that go left and rows that go right, each in the order given."""
    left, right = [], []
    for row in rows:
        x = int(codes[row, feature])
        if category_set is not None:
            goes_left = bool(category_set[x >> 3] >> (x & 7) & 1)
        else:
            goes_left = missing_left if x == 0 else x <= code
        (left if goes_left else right).append(row)
    return left, right
