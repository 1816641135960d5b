"""A split as ranges of codes."""

from libc.stdint cimport uint8_t


cdef inline bint in_set(const uint8_t *bits, int c) noexcept nogil:
    return (bits[c >> 3] >> (c & 7)) & 1


cdef void find_runs(const uint8_t *bits, Runs *runs) noexcept nogil:
    cdef int c
    runs.first_left = in_set(bits, 0)
    runs.n = 1
    runs.start[0] = 0
    for c in range(1, 256):
        if in_set(bits, c) != in_set(bits, c - 1):
            runs.start[runs.n] = <uint8_t> c
            runs.n += 1


cdef void set_ranges(const uint8_t *bits, bint left, Ranges *ranges) noexcept nogil:
    """Runs of codes that go left (or right), the last joined to the first around the end of the codes."""
    cdef int c, first = -1, at, begin = -1
    ranges.n = 0
    for c in range(256):
        if in_set(bits, c) != in_set(bits, (c + 255) & 255):
            first = c
            break
    if first < 0:
        if in_set(bits, 0) == left:
            ranges.n = 1
            ranges.low[0] = 0
            ranges.width[0] = 255
        return
    for at in range(first, first + 257):
        c = at & 255
        if at < first + 256 and in_set(bits, c) == left:
            if begin < 0:
                begin = at
        elif begin >= 0:
            ranges.low[ranges.n] = <uint8_t> (begin & 255)
            ranges.width[ranges.n] = <uint8_t> (at - begin - 1)
            ranges.n += 1
            begin = -1


cdef void number_ranges(uint8_t code, bint missing_left, bint left, Ranges *ranges) noexcept nogil:
    """Codes that go left (or right) at a numerical split: one range, or none."""
    cdef uint8_t low = 0 if missing_left else 1
    cdef uint8_t width = <uint8_t> (code - low)
    ranges.n = 1
    if left:
        ranges.low[0] = low
        ranges.width[0] = width
    elif width == 255:
        ranges.n = 0
    else:
        ranges.low[0] = <uint8_t> (code + 1)
        ranges.width[0] = <uint8_t> (254 - width)
