"""Which codes go which way at a split, in the forms that packing needs."""

from libc.stdint cimport int32_t, uint8_t


cdef struct Ranges:
    # Codes that go one way, as ranges (low, width): code in the range <=> (uint8)(code - low) <= width
    int32_t n
    uint8_t low[128]
    uint8_t width[128]


cdef struct Runs:
    # A category set as alternating runs of codes: run r is [start[r], start[r + 1]), the first goes left if first_left
    int32_t n
    bint first_left
    uint8_t start[256]


cdef void find_runs(const uint8_t *bits, Runs *runs) noexcept nogil
cdef void set_ranges(const uint8_t *bits, bint left, Ranges *ranges) noexcept nogil
cdef void number_ranges(uint8_t code, bint missing_left, bint left, Ranges *ranges) noexcept nogil
