"""How a node's rows are held while a tree grows to purity: see src_c/tree/records.h."""

from libc.stdint cimport int32_t, uint8_t

from fastml._engine.tree.binned cimport BinnedMatrix

cdef enum:
    SMALL_PAYLOAD = 4    # class and weight
    ROW_NUMBER = 4
    PAYLOAD = 16         # target, weight and row number


cdef class RecordLayout:
    """Where things are in a record of one row of a matrix.

    Parameters
    ----------
    binned : BinnedMatrix
        Its codes must stay where they are.
    small : bool
        One output of at most 256 classes and whole weights below 2**24: class and weight take 4 bytes together.
        Otherwise target, weight and row number take 16.
    bare : bool
        Codes stay in the matrix, as they do in a wide table: nothing is gained by carrying them where rows are looked
        at once and never moved.
    numbered : bool, default=False
        Small payloads have a row number as well.

    Attributes
    ----------
    stride : int
        Bytes of a record: codes of at most 64 features and payload, a multiple of 16; payload alone when the table
        has more features or records are bare.
    """

    def __init__(self, BinnedMatrix binned not None, bint small, bint bare=False, bint numbered=False):
        cdef bint wide = bare or binned.n_features > WIDE
        cdef int32_t size = SMALL_PAYLOAD
        self.binned = binned
        self.layout.small = small
        self.layout.n_codes = 0 if wide else <int32_t> binned.n_features
        if not small:
            size = PAYLOAD
        elif wide or numbered:
            size = SMALL_PAYLOAD + ROW_NUMBER
        self.layout.stride = size if wide else (self.layout.n_codes + size + 15) // 16 * 16
        self.layout.payload = self.layout.stride - size
        self.layout.row = self.layout.stride - ROW_NUMBER if size > SMALL_PAYLOAD else -1
        self.layout.n_blocks = <int32_t> binned.n_blocks
        self.layout.blocks = <const uint8_t *const *> binned.blocks
        self.layout.block_stride = binned.block_stride_p
        self.layout.columns = binned.columns
        self.layout.column_stride = binned.column_stride

    @property
    def stride(self):
        return self.layout.stride
