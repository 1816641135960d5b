"""Packing: a forest's arrays into the two forms that src_c/tree/traverse.h describes.

A pack is a copy: it holds no reference to the forest, is never changed and may be read by any number of threads.
"""

import numpy as np

from libc.math cimport log2
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint64_t

from fastml._engine.runtime.tree_kernels cimport (
    K, traverse_part, traverse_round, traverse_step, traverse_tree,
)
from fastml._engine.tree.ranges cimport Ranges, Runs, find_runs, number_ranges, set_ranges
from fastml._engine.tree.steps cimport KEEP, TRAVERSE_GRAFT, TRAVERSE_JOIN, TRAVERSE_LEAVES, StepList

cdef extern from "tree/traverse.h":
    cdef enum:
        TRAVERSE_ROWS
        TRAVERSE_MAX_LEAVES
        TRAVERSE_CHILD_BITS
        TRAVERSE_PLANE_BITS

cdef enum:
    SLOTS_PER_PART = 32  # 16 KB of slots: with the codes of a block, inside the first-level cache
    TREES_PER_PART = 32


cdef class Pack:
    """A forest packed for prediction.

    Parameters
    ----------
    arrays : dict of str to ndarray
        As `Forest.arrays` returns them; trusted (see validate.py).
    planes : int32 array, optional
        Features in the order of the planes of codes that will be given. All features that the forest splits on must
        be there. When missing: those features, ascending.
    stage : int, default=0
        When positive, trees are put together in stages of so many (staged prediction).

    Raises
    ------
    ValueError
        If the forest splits on more than 2^20 - 1 different features, or a packed tree has more than 2^28 nodes.
    """

    def __init__(self, dict arrays not None, planes=None, int stage=0):
        used = np.unique(arrays["feature"])
        used = used[used >= 0]
        if planes is None:
            planes = used
        self.planes = np.ascontiguousarray(planes, dtype=np.int32)
        self.n_planes = len(self.planes)
        self.n_outputs = len(arrays["baseline"])
        self.n_trees = len(arrays["tree_output"])
        self.stage = stage
        if self.n_planes >= 1 << TRAVERSE_PLANE_BITS:
            most = (1 << TRAVERSE_PLANE_BITS) - 1
            raise ValueError(f"a forest may split on {most} different features, not on {self.n_planes}")
        top = int(max(self.planes.max(initial=-1), used.max(initial=-1))) + 1
        plane_of = np.full(top, -1, dtype=np.int32)
        plane_of[self.planes] = np.arange(self.n_planes, dtype=np.int32)
        if used.size and plane_of[used].min() < 0:
            raise ValueError("the forest splits on a feature that has no plane")
        _Packer(self, arrays, plane_of).run()


cdef class _Packer:
    """Work space of one packing."""

    cdef Pack pack
    cdef const int64_t[::1] offsets, count
    cdef const int32_t[::1] left, right, feature, category_set, output, plane_of
    cdef const uint8_t[::1] code, missing_left
    cdef const double[::1] value
    cdef const uint8_t[:, ::1] sets
    # per node of the tree at hand
    cdef int32_t[::1] height, round_of, slot_of, leaf_of, pair_of
    # queue of the breadth-first order: node, and runs [lo, hi] of its category set (lo < 0: all)
    cdef int32_t[::1] queue
    cdef int16_t[:, ::1] queue_runs
    # results
    cdef uint64_t[::1] nodes
    cdef double[::1] node_value, leaf_value
    cdef int32_t[::1] node_id, leaf_id
    cdef traverse_step *steps
    cdef traverse_round *rounds
    cdef traverse_part *parts
    cdef traverse_tree *trees
    cdef int64_t n_nodes, n_leaves, n_steps, n_rounds, n_parts
    cdef StepList open_steps     # of the part that is open

    def __cinit__(self, Pack pack not None, dict arrays not None, plane_of):
        self.pack = pack
        self.offsets = arrays["tree_offsets"]
        self.count = arrays["count"]
        self.left = arrays["left"]
        self.right = arrays["right"]
        self.feature = arrays["feature"]
        self.category_set = arrays["category_set"]
        self.output = arrays["tree_output"]
        self.code = arrays["code"]
        self.missing_left = arrays["missing_left"]
        self.value = arrays["value"]
        self.sets = arrays["category_sets"]
        self.plane_of = plane_of
        n_trees = len(arrays["tree_output"])
        n_nodes = len(arrays["left"])
        # Runs of each set bound the steps and the nodes that a categorical split becomes.
        sets = np.unpackbits(arrays["category_sets"], axis=1, bitorder="little")
        n_runs = np.append(1 + np.count_nonzero(sets[:, 1:] != sets[:, :-1], axis=1), 0)
        sizes = np.diff(arrays["tree_offsets"])
        runs = np.add.reduceat(n_runs[arrays["category_set"]], arrays["tree_offsets"][:n_trees]) if n_trees else sizes
        most = int((sizes + 2 * runs).max(initial=1))
        if most >= 1 << 31:
            raise ValueError("a tree is too large to be packed")
        stepped = sizes < 2 * TRAVERSE_MAX_LEAVES
        room_steps = int(sizes[stepped].sum() + runs[stepped].sum()) + n_trees + 1
        room_nodes = int(sizes.sum() + 2 * runs.sum()) + 1
        scratch = np.empty((5, most), dtype=np.int32)
        self.height, self.round_of, self.slot_of, self.leaf_of, self.pair_of = scratch
        self.queue = np.empty(most + 1, dtype=np.int32)
        self.queue_runs = np.empty((most + 1, 2), dtype=np.int16)
        memory = {
            "nodes": np.empty(room_nodes, dtype=np.uint64),
            "node_value": np.empty(room_nodes),
            "node_id": np.empty(room_nodes, dtype=np.int32),
            "leaf_value": np.zeros(n_nodes + 32),
            "leaf_id": np.empty(n_nodes + 1, dtype=np.int32),
            "steps": np.empty(room_steps * sizeof(traverse_step), dtype=np.uint8),
            "rounds": np.empty((room_steps + 1) * sizeof(traverse_round), dtype=np.uint8),
            "parts": np.empty((n_trees + 1) * sizeof(traverse_part), dtype=np.uint8),
            "trees": np.empty((n_trees + 1) * sizeof(traverse_tree), dtype=np.uint8),
        }
        self.pack.memory = memory
        self.nodes = memory["nodes"]
        self.node_value = memory["node_value"]
        self.node_id = memory["node_id"]
        self.leaf_value = memory["leaf_value"]
        self.leaf_id = memory["leaf_id"]
        cdef uint8_t[::1] raw_steps = memory["steps"], rounds = memory["rounds"]
        cdef uint8_t[::1] parts = memory["parts"], trees = memory["trees"]
        self.steps = <traverse_step *> &raw_steps[0]
        self.rounds = <traverse_round *> &rounds[0]
        self.parts = <traverse_part *> &parts[0]
        self.trees = <traverse_tree *> &trees[0]
        self.open_steps = StepList()

    cdef int run(self) except -1:
        cdef int64_t t
        cdef int64_t n_trees = self.pack.n_trees
        cdef bint in_steps, open_in_steps = False, is_open = False
        cdef int32_t slots
        cdef traverse_part *part = NULL
        for t in range(n_trees):
            self.trees[t].output = self.output[t]
            in_steps = self.measure(t, &slots)
            self.breadth_first(t)
            if is_open and (
                open_in_steps != in_steps
                or (in_steps and self.open_steps.n_slots + slots > SLOTS_PER_PART)
                or part.n_trees >= TREES_PER_PART
                or (self.pack.stage > 0 and t % self.pack.stage == 0)
            ):
                self.close(part)
                is_open = False
            if not is_open:
                part = &self.parts[self.n_parts]
                self.n_parts += 1
                part.first_step = self.n_steps
                part.first_round = self.n_rounds
                part.first_tree = t
                part.n_rounds = 0
                part.n_trees = 0
                self.open_steps.clear()
                open_in_steps = in_steps
                is_open = True
            part.n_trees += 1
            if in_steps:
                self.emit(t)
        if is_open:
            self.close(part)
        cdef Pack pack = self.pack
        pack.c.steps = self.steps
        pack.c.rounds = self.rounds
        pack.c.parts = self.parts
        pack.c.trees = self.trees
        pack.c.nodes = &self.nodes[0]
        pack.c.node_value = &self.node_value[0]
        pack.c.node_id = &self.node_id[0]
        pack.c.leaf_value = &self.leaf_value[0]
        pack.c.leaf_id = &self.leaf_id[0]
        pack.c.n_parts = self.n_parts
        pack.c.n_trees = n_trees
        pack.c.n_outputs = <int32_t> pack.n_outputs
        return 0

    cdef int ranges_of(self, int64_t node, bint left, Ranges *ranges) noexcept nogil:
        """Codes that go left (right) at a node, as ranges."""
        if self.category_set[node] >= 0:
            set_ranges(&self.sets[self.category_set[node], 0], left, ranges)
        else:
            number_ranges(self.code[node], self.missing_left[node], left, ranges)
        return ranges.n

    cdef bint measure(self, int64_t t, int32_t *n_slots) noexcept nogil:
        """Heights and leaf numbers of a tree; whether steps are expected to be the faster form."""
        cdef int64_t first = self.offsets[t], i
        cdef int32_t n = <int32_t> (self.offsets[t + 1] - first)
        cdef int32_t left, right, n_leaves = 0, pairs = 0
        cdef int64_t n_steps = 0
        cdef double visits = 0, rows
        cdef Ranges ranges
        for i in range(n - 1, -1, -1):
            left = self.left[first + i]
            if left < 0:
                self.height[i] = 0
                continue
            right = self.right[first + i]
            self.height[i] = 1 + max(self.height[left], self.height[right])
            # slots: a graft needs none of its own
            if self.height[i] == 1:
                pairs += 1
            elif min(self.height[left], self.height[right]) == 1 and self.category_set[first + i] < 0:
                pairs -= 1
            visits += <double> self.count[first + i]
            n_steps += max(1, self.ranges_of(first + i, True, &ranges)) if self.category_set[first + i] >= 0 else 1
        for i in range(n):
            self.leaf_of[i] = -1
            if self.left[first + i] < 0:
                self.leaf_of[i] = n_leaves
                self.leaf_value[self.n_leaves + n_leaves] = self.value[first + i]
                self.leaf_id[self.n_leaves + n_leaves] = <int32_t> i
                n_leaves += 1
        self.trees[t].first_leaf = self.n_leaves
        self.trees[t].n_leaves = n_leaves
        self.trees[t].slot = 0
        self.n_leaves += n_leaves
        n_slots[0] = max(1, pairs)
        # Mean length of a row's path: visits of inner nodes over rows; without counts, the height. Rows in lockstep
        # wait for the longest path among them, which is longer by about half of log2(n_leaves).
        rows = <double> self.count[first]
        cdef double path = visits / rows if rows > 0 else self.height[0]
        cdef double step_cost = n_steps * K.traverse_step_ns()
        cdef double walk_cost = (path + 0.5 * log2(n_leaves)) * K.traverse_level_ns(n)
        # 8 trees of one row wait together as 8 rows of one tree do, but their nodes come from more cache lines.
        self.pack.one_ns += 1.5 * walk_cost + 5
        if n_leaves == 1 or (n_leaves <= TRAVERSE_MAX_LEAVES and step_cost <= walk_cost):
            self.pack.row_ns += step_cost + 0.3
            return True
        self.pack.row_ns += walk_cost + 0.5
        self.pack.walked_bytes += n * sizeof(uint64_t)
        return False

    cdef int emit(self, int64_t t) except -1:
        """Steps of one tree, children first. A node above two leaves waits for what its parent makes of it."""
        cdef int64_t first = self.offsets[t], i
        cdef int32_t n = <int32_t> (self.offsets[t + 1] - first)
        cdef int32_t left, right, child, slot, k
        cdef Ranges ranges
        cdef traverse_step *step
        if n == 1:
            number_ranges(255, True, True, &ranges)
            self.open_steps.add(0, &ranges, 0, TRAVERSE_LEAVES, 0, self.open_steps.n_slots)
            self.trees[t].slot = self.open_steps.n_slots
            self.open_steps.n_slots += 1
            return 0
        for i in range(n - 1, -1, -1):
            left, right = self.left[first + i], self.right[first + i]
            if left < 0 or self.height[i] == 1:
                self.slot_of[i] = -1
                continue
            if self.height[left] == 0 or self.height[right] == 0:
                child = right if self.height[left] == 0 else left
                slot = self.slot_of[i] = self.settled(first, child)
                self.round_of[i] = self.round_of[child]
                for k in range(self.ranges_of(first + i, child == right, &ranges)):
                    step = self.open_steps.add(self.plane(first + i), &ranges, k, KEEP, 0, slot)
                    step.inside = <uint8_t> self.leaf_of[left if child == right else right]
            elif self.grafted(first, i, left, right) or self.grafted(first, i, right, left):
                pass
            else:
                slot = self.slot_of[i] = self.settled(first, right)
                child = self.settled(first, left)
                self.round_of[i] = 1 + max(self.round_of[left], self.round_of[right])
                for k in range(self.ranges_of(first + i, True, &ranges)):
                    step = self.open_steps.add(
                        self.plane(first + i), &ranges, k, TRAVERSE_JOIN, self.round_of[i], slot
                    )
                    step.other = <uint16_t> child
        self.trees[t].slot = self.settled(first, 0)
        return 0

    cdef int32_t plane(self, int64_t node) noexcept nogil:
        return self.plane_of[self.feature[node]]

    cdef int32_t settled(self, int64_t first, int64_t i) except -1 nogil:
        """Slot of an inner node; a node above two leaves, which has waited, gets one of its own."""
        cdef int32_t slot = self.slot_of[i], left = self.left[first + i], right = self.right[first + i], k
        cdef Ranges ranges
        cdef traverse_step *step
        if slot >= 0:
            return slot
        slot = self.slot_of[i] = self.open_steps.n_slots
        self.open_steps.n_slots += 1
        self.round_of[i] = 0
        if self.ranges_of(first + i, True, &ranges) == 0:
            number_ranges(255, True, True, &ranges)
            left = right
        for k in range(ranges.n):
            # the other ranges keep what the first one left
            step = self.open_steps.add(self.plane(first + i), &ranges, k, KEEP if k else TRAVERSE_LEAVES, 0, slot)
            step.inside = <uint8_t> self.leaf_of[left]
            step.outside = <uint8_t> self.leaf_of[right]
        return slot

    cdef int grafted(self, int64_t first, int64_t i, int32_t child, int32_t kept) except -1 nogil:
        """Node i as a graft of a child above two leaves onto the other one, if one step is enough for each."""
        cdef Ranges of_child, ranges
        cdef traverse_step *step
        cdef int32_t slot
        if (
            self.height[child] != 1
            or self.ranges_of(first + child, True, &of_child) != 1
            or self.ranges_of(first + i, child == self.left[first + i], &ranges) != 1
        ):
            return False
        slot = self.slot_of[i] = self.settled(first, kept)
        self.round_of[i] = 1 + self.round_of[kept]
        step = self.open_steps.add(self.plane(first + child), &of_child, 0, TRAVERSE_GRAFT, self.round_of[i], slot)
        step.inside = <uint8_t> self.leaf_of[self.left[first + child]]
        step.outside = <uint8_t> self.leaf_of[self.right[first + child]]
        self.open_steps.add(self.plane(first + i), &ranges, 0, KEEP, 0, slot)
        return True

    cdef void close(self, traverse_part *part) noexcept nogil:
        """Put the steps of a part in order."""
        if self.open_steps.n:
            part.n_rounds = self.open_steps.write(self.steps + self.n_steps, self.rounds + self.n_rounds)
            self.n_steps += self.open_steps.n
            self.n_rounds += part.n_rounds
            self.pack.n_slots = max(self.pack.n_slots, <Py_ssize_t> self.open_steps.n_slots)

    cdef int breadth_first(self, int64_t t) except -1:
        """Nodes of one tree in breadth-first order, siblings adjacent.

        A categorical split of several runs becomes a binary search over its runs. Where that leads to the same child
        more than once, the 8 bytes of the child are repeated but not what lies below it.
        """
        cdef int64_t first = self.offsets[t]
        cdef int32_t n = <int32_t> (self.offsets[t + 1] - first)
        cdef int64_t base = self.n_nodes
        cdef int32_t head = 0, tail = 1, i, pair, low, width, left, right, middle, lo, hi
        cdef Runs runs
        cdef bint known
        for i in range(n):
            self.pair_of[i] = -1
        self.trees[t].first_node = base
        self.queue[0] = 0
        self.queue_runs[0, 0] = -1
        while head < tail:
            i = self.queue[head]
            lo = self.queue_runs[head, 0]
            hi = self.queue_runs[head, 1]
            self.node_id[base + head] = i
            self.node_value[base + head] = self.value[first + i]
            left = self.left[first + i]
            right = self.right[first + i]
            if left < 0:
                self.nodes[base + head] = packed(head, 0, 0, 255)
                head += 1
                continue
            if self.category_set[first + i] < 0:
                low = 0 if self.missing_left[first + i] else 1
                width = <uint8_t> (self.code[first + i] - low)
                runs.n = 0
            else:
                find_runs(&self.sets[self.category_set[first + i], 0], &runs)
                if runs.n == 1:  # one way for all codes
                    low, width = 0, 255
                    if not runs.first_left:
                        left = right
                    runs.n = 0
                elif runs.n == 2:
                    low = 0 if runs.first_left else runs.start[1]
                    width = runs.start[1] - 1 if runs.first_left else 255 - runs.start[1]
                    runs.n = 0
                elif runs.n == 3:
                    if runs.first_left:  # around the end of the codes
                        low = runs.start[2]
                        width = 255 - (runs.start[2] - runs.start[1])
                    else:
                        low = runs.start[1]
                        width = runs.start[2] - runs.start[1] - 1
                    runs.n = 0
            if runs.n == 0:
                pair = self.pair_of[i]
                if pair < 0:
                    pair = tail
                    self.pair_of[i] = pair
                    self.enqueue(tail, left, -1, -1)
                    self.enqueue(tail + 1, right, -1, -1)
                    tail += 2
            else:
                known = lo < 0 and self.pair_of[i] >= 0
                if lo < 0:
                    lo = 0
                    hi = runs.n - 1
                    if known:
                        pair = self.pair_of[i]
                    else:
                        pair = tail
                        self.pair_of[i] = pair
                else:
                    pair = tail
                middle = (lo + hi + 1) // 2
                low = 0
                width = runs.start[middle] - 1
                if not known:
                    self.enqueue_runs(tail, i, left, right, &runs, lo, middle - 1)
                    self.enqueue_runs(tail + 1, i, left, right, &runs, middle, hi)
                    tail += 2
            self.nodes[base + head] = packed(pair, self.plane_of[self.feature[first + i]], low, width)
            head += 1
        if tail > 1 << TRAVERSE_CHILD_BITS:
            raise ValueError(f"a packed tree may have 2^{TRAVERSE_CHILD_BITS} nodes, tree {t} needs {tail}")
        self.n_nodes += tail
        return 0

    cdef inline void enqueue(self, int32_t at, int32_t node, int32_t lo, int32_t hi) noexcept nogil:
        self.queue[at] = node
        self.queue_runs[at, 0] = <int16_t> lo
        self.queue_runs[at, 1] = <int16_t> hi

    cdef inline void enqueue_runs(self, int32_t at, int32_t node, int32_t left, int32_t right, const Runs *runs,
                                  int32_t lo, int32_t hi) noexcept nogil:
        if lo < hi:
            self.enqueue(at, node, lo, hi)
        else:
            self.enqueue(at, left if runs.first_left != (lo & 1) else right, -1, -1)


cdef inline uint64_t packed(int64_t child, int64_t plane, int64_t low, int64_t width) noexcept nogil:
    return (<uint64_t> child << (16 + TRAVERSE_PLANE_BITS) | <uint64_t> plane << 16 | <uint64_t> low << 8
            | <uint64_t> width)
