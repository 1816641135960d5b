"""Packing for single rows: which code goes where, and the trees side by side (src_c/tree/single_row.h)."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

from fastml._engine.runtime.tree_kernels cimport (
    K, binning_table, single_row_group, single_row_plane, single_row_set,
)
from fastml._engine.tree.binning cimport BinMapper

cdef extern from "tree/single_row.h":
    cdef enum:
        LANES "SINGLE_ROW_LANES"
        PAGE "SINGLE_ROW_PAGE"
        BLOCK "SINGLE_ROW_BLOCK"
        SINGLE_ROW_MAX_LEAVES

MOST_LEAVES = SINGLE_ROW_MAX_LEAVES  # of a tree

# Nanoseconds of a tree's addition, which waits for the one before it.
cdef double ADD_NS = 1.0


cdef class RowCoder:
    """How the values of a row become codes.

    Parameters
    ----------
    mapper : BinMapper
    planes : int32 array of shape (n_planes,)
        Planes of the mapper that are wanted; trusted, as all that follows.
    features : int32 array of shape (n_planes,)
        Their places in a row.
    code_at, less_at : int32 arrays of shape (n_planes,)
        Where the code goes, and the code less one; -1: nowhere.
    table_size : int
        Bytes of the table of codes.
    sets : tuple of (uint8 array of shape (n_sets, 32), int32 arrays of shape (n_sets,)), optional
        Bits of the codes that go left, place of the plane's code, and where 0 goes if the code's bit is set, else 255.
    """

    def __init__(self, BinMapper mapper not None, planes, features, code_at, less_at, Py_ssize_t table_size, sets=None):
        cdef const uint8_t[:, ::1] bits
        cdef const int32_t[::1] from_at, to_at
        cdef uint8_t[::1] room
        cdef single_row_set *made
        cdef Py_ssize_t k
        self.mapper = mapper
        self.table_size = table_size + 1  # the last one is nowhere
        self.memory = {}
        is_long = mapper.n_codes_[planes].astype(np.intp) - 1 > BLOCK
        order = np.argsort(np.where(mapper.is_categorical_[planes], 2, is_long), kind="stable")
        code_at, less_at = (np.where(at < 0, table_size, at)[order].astype(np.int32) for at in (code_at, less_at))
        self.build(planes[order], features[order], code_at, less_at)
        if sets is None or not len(sets[0]):
            return
        bits, from_at, to_at = (np.ascontiguousarray(part) for part in sets)
        room = np.empty(bits.shape[0] * sizeof(single_row_set), dtype=np.uint8)
        made = <single_row_set *> &room[0]
        for k in range(bits.shape[0]):
            made[k].bits, made[k].code_at, made[k].at = &bits[k, 0], from_at[k], to_at[k]
        self.memory["bits"], self.memory["sets"] = bits, room
        self.c.sets, self.c.n_sets = made, bits.shape[0]

    cdef int build(self, const int32_t[::1] planes, const int32_t[::1] features, const int32_t[::1] code_at,
                   const int32_t[::1] less_at) except -1:
        cdef Py_ssize_t n = planes.shape[0], p, k, at = 0, n_blocks, size = 0
        cdef const binning_table *table
        cdef single_row_plane *plane
        cdef uint8_t[::1] room = np.zeros(max(n, 1) * sizeof(single_row_plane), dtype=np.uint8)
        cdef double[::1] bounds
        for p in range(n):
            size += 2 + self.mapper.tables[planes[p]].n_lower // BLOCK
        bounds = np.full(max(size, 1) * BLOCK, np.nan)
        self.memory["planes"], self.memory["bounds"] = room, bounds
        self.c.planes = <const single_row_plane *> &room[0]
        self.c.n_planes = n
        for p in range(n):
            table = self.mapper.tables + planes[p]
            plane = <single_row_plane *> &room[0] + p
            plane.feature, plane.code_at, plane.less_at = features[p], code_at[p], less_at[p]
            if table.is_categorical:
                plane.table = table
                continue
            self.c.n_numbers = p + 1
            plane.bounds = &bounds[at]
            n_blocks = 1
            if table.n_lower <= BLOCK:
                self.c.n_short = p + 1
            else:
                n_blocks += table.n_lower // BLOCK  # the last one may be empty, of values above all bounds
                for k in range(table.n_lower // BLOCK):
                    bounds[at + k] = table.lower[(k + 1) * BLOCK - 1]
                at += BLOCK
            for k in range(table.n_lower):
                bounds[at + k] = table.lower[k]
            at += n_blocks * BLOCK
        return 0


cdef class SingleRowPack:
    """The trees of a forest side by side.

    Parameters
    ----------
    arrays : dict of str to ndarray
        As `Forest.arrays` returns them; trusted, and not empty of trees. No tree may have more than 64 leaves.
    mapper : BinMapper
        Of the planes that the forest splits on.
    reads : int32 array of shape (mapper.n_features,)
        Place in a row of each plane.
    most_ns : float
        Trees of which a row is expected to take longer are not laid out: ``one_ns`` is all there is.
    """

    def __init__(self, dict arrays not None, BinMapper mapper not None, reads, double most_ns):
        offsets, sizes = arrays["tree_offsets"], np.diff(arrays["tree_offsets"])
        n_trees = len(sizes)
        node = np.flatnonzero(arrays["left"] >= 0)
        tree = np.repeat(np.arange(n_trees), sizes)[node]
        place, limit = self.place_codes(arrays, node, mapper, reads)
        first_leaf = np.zeros(len(arrays["left"]), dtype=np.int32)
        n_below = np.zeros(len(arrays["left"]), dtype=np.int32)
        number_leaves(offsets, arrays["left"], arrays["right"], first_leaf, n_below)

        # words of a group are as long as its largest tree wants them
        starts = np.arange(0, n_trees, LANES)
        most = np.maximum.reduceat((sizes + 1) // 2, starts)
        word_bytes = np.select([most <= 8, most <= 16, most <= 32], [1, 2, 4], 8)

        # the splits of a tree are asked page by page: a group has as many lines of a page as the tree of it that
        # has the most splits there
        page = place // PAGE
        order = np.lexsort((page, tree))
        node, tree, page, place, limit = node[order], tree[order], page[order], place[order], limit[order]
        new = np.append(True, (np.diff(tree) != 0) | (np.diff(page) != 0))[: node.size]
        first = np.flatnonzero(new)
        run = np.cumsum(new) - 1
        n_pages = int(page.max(initial=0)) + 1
        lots, lot_of_run = np.unique((tree // LANES * n_pages + page)[first], return_inverse=True)
        lines = np.zeros(lots.size, dtype=np.int64)
        np.maximum.at(lines, lot_of_run, np.diff(np.append(first, node.size)))
        first_line = np.cumsum(lines) - lines
        line = first_line[lot_of_run[run]] + np.arange(node.size) - first[run]

        n_lines = np.bincount(lots // n_pages, lines, minlength=starts.size).astype(np.int64)
        groups = np.zeros((starts.size, 4), dtype=np.int64)
        groups[:, 0] = np.cumsum(n_lines) - n_lines
        groups[:, 1] = np.cumsum(n_lines * word_bytes * LANES) - n_lines * word_bytes * LANES
        groups[:, 2] = np.cumsum(8 * word_bytes * LANES) - 8 * word_bytes * LANES
        groups.view(np.int32)[:, 6], groups.view(np.int32)[:, 7] = n_lines, word_bytes
        self.one_ns = n_trees * ADD_NS
        for k in range(starts.size):
            self.one_ns += n_lines[k] * K.single_row_line_ns(word_bytes[k])
        if self.one_ns >= most_ns:
            return

        group, lane = tree // LANES, tree % LANES
        slots = aligned_bytes((int(lines.sum()), LANES), 0)
        limits = aligned_bytes(slots.shape, 255)
        slots[line, lane], limits[line, lane] = place % PAGE, limit
        left = aligned_bytes(int((n_lines * word_bytes).sum()) * LANES, 0)
        child = arrays["tree_offsets"][tree] + arrays["left"][node]
        bits = (np.uint64(2) << (n_below[child] - 1).astype(np.uint64)) - np.uint64(1)
        bits <<= first_leaf[child].astype(np.uint64)
        for size in (1, 2, 4, 8):
            own = word_bytes[group] == size
            at = groups[group, 1] // size + (line - groups[group, 0]) * LANES + lane
            left.view(f"u{size}")[at[own]] = bits[own]
        leaf_value = np.zeros(int((8 * word_bytes * LANES).sum()))
        leaf = np.flatnonzero(arrays["left"] < 0)
        tree = np.repeat(np.arange(n_trees), sizes)[leaf]
        group, lane = tree // LANES, tree % LANES
        leaf_value[groups[group, 2] + 8 * word_bytes[group] * lane + first_leaf[leaf]] = arrays["value"][leaf]
        self.bind(groups, np.repeat(lots % n_pages, lines).astype(np.int32), slots, limits, left, leaf_value,
                  np.ascontiguousarray(arrays["tree_output"], dtype=np.int32))
        self.c.n_outputs = len(arrays["baseline"])

    def place_codes(self, dict arrays, node, BinMapper mapper, reads):
        """Place of the code that each split looks at, the most wanted first, and up to which code goes left."""
        plane, chosen = arrays["feature"][node].astype(np.int64), arrays["category_set"][node]
        # copies of a plane's codes: as they are, less one, and one for each set
        n_copies = 2 + len(arrays["category_sets"])
        copy = np.where(chosen >= 0, 2 + chosen, 1 - arrays["missing_left"][node].astype(np.int64))
        wanted, of_node, counts = np.unique(plane * n_copies + copy, return_inverse=True, return_counts=True)
        at = np.empty(wanted.size, dtype=np.int64)
        at[np.argsort(-counts, kind="stable")] = np.arange(wanted.size)
        planes, kind = wanted // n_copies, wanted % n_copies
        used, plane_of = np.unique(planes, return_inverse=True)
        code_at, less_at = np.full((2, used.size), -1)
        code_at[plane_of[kind == 0]] = at[kind == 0]
        less_at[plane_of[kind == 1]] = at[kind == 1]
        # codes that only sets look at lie behind the pages
        size = (wanted.size + PAGE - 1) // PAGE * PAGE
        bare = np.zeros(used.size, dtype=bool)
        bare[plane_of[kind > 1]] = True
        bare &= code_at < 0
        code_at[bare] = size + np.arange(np.count_nonzero(bare))
        sets = (
            arrays["category_sets"][kind[kind > 1] - 2],
            code_at[plane_of[kind > 1]].astype(np.int32),
            at[kind > 1].astype(np.int32),
        )
        self.coder = RowCoder(mapper, used.astype(np.int32), reads[used], code_at, less_at,
                              size + np.count_nonzero(bare), sets)
        limit = np.where(chosen >= 0, 0, (arrays["code"][node].astype(np.int64) - copy) & 255).astype(np.uint8)
        return at[of_node], limit

    def bind(self, int64_t[:, ::1] groups, const int32_t[::1] page_of, const uint8_t[:, ::1] slots,
             const uint8_t[:, ::1] limits, const uint8_t[::1] left, const double[::1] leaf_value,
             const int32_t[::1] output):
        """Let the struct point to the arrays."""
        self.memory = {"groups": groups, "page_of": page_of, "slots": slots, "limits": limits, "left": left,
                       "leaf_value": leaf_value, "output": output}
        self.c.groups = <const single_row_group *> &groups[0, 0]
        self.c.leaf_value, self.c.output = &leaf_value[0], &output[0]
        self.c.n_trees = output.shape[0]
        if page_of.shape[0]:
            self.c.page_of, self.c.left = &page_of[0], &left[0]
            self.c.slots, self.c.limits = &slots[0, 0], &limits[0, 0]


cdef aligned_bytes(shape, fill):
    """Array of bytes that begins a line of the cache."""
    size = int(np.prod(shape))
    room = np.full(size + 63, fill, dtype=np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size].reshape(shape)


cdef int number_leaves(const int64_t[::1] offsets, const int32_t[::1] left, const int32_t[::1] right,
                       int32_t[::1] first_leaf, int32_t[::1] n_below) except -1:
    """Leaves below each node, and the first one's number, from left to right. Children come after their parent."""
    cdef Py_ssize_t t, i, first
    for t in range(offsets.shape[0] - 1):
        first = offsets[t]
        for i in range(offsets[t + 1] - 1, first - 1, -1):
            n_below[i] = 1 if left[i] < 0 else n_below[first + left[i]] + n_below[first + right[i]]
        for i in range(first, offsets[t + 1]):
            if left[i] >= 0:
                first_leaf[first + left[i]] = first_leaf[i]
                first_leaf[first + right[i]] = first_leaf[i] + n_below[first + left[i]]
    return 0


def single_row_pack_of(dict arrays not None, BinMapper mapper not None, reads, double walk_ns):
    """The trees side by side, if a row is expected to take less time through them than ``walk_ns``.

    Parameters
    ----------
    arrays, mapper, reads
        As `SingleRowPack` takes them.
    walk_ns : float

    Returns
    -------
    SingleRowPack or None
    """
    sizes = np.diff(arrays["tree_offsets"])
    if not sizes.size or sizes.max() >= 2 * SINGLE_ROW_MAX_LEAVES:
        return None
    pack = SingleRowPack(arrays, mapper, reads, walk_ns)
    return pack if pack.one_ns < walk_ns else None
