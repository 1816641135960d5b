"""Packing: the trees of a CartForest into the form that src_c/tree/key_walk.h describes.

A pack is a copy: it holds no reference to the forest, is never changed and may be read by any number of threads.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from fastml._engine.runtime.tree_kernels cimport (
    K, KEY_WALK_FLAGS, KEY_WALK_LEFT_LEAF, KEY_WALK_MISSING_LEFT, KEY_WALK_RIGHT_LEAF, KEY_WALK_SET, WALK_CATEGORIES,
    WALK_FEATURE, WALK_MISSING_LEFT, key_walk_node, walk_node,
)
from fastml._engine.runtime.openmp cimport thread_num

from fastml._engine.runtime.interrupt import check

cdef enum:
    WINDOW = 1 << 20   # nodes between two looks at the keyboard
    PACKING = 16  # nodes that are packed in the time that a walk by value takes longer than one by key


cdef struct Tree:
    const walk_node *nodes
    key_walk_node *out
    int32_t *place     # one of these two
    double *value
    uint32_t *node     # the forest's node of each one that has got its place
    uint32_t n_placed


cdef class KeyPack:
    """Trees packed for prediction.

    Parameters
    ----------
    forest : CartForest
    by_value : bool
        Leaves are wanted for their values, which must be numbers; else for their places.
    n_threads : int, default=1

    Raises
    ------
    ValueError
        If a tree has too many nodes, or the forest splits on too many features: the bits of both must not be more
        than 28 together.
    KeyboardInterrupt
        If Ctrl-C was pressed.
    """

    def __init__(self, forest, bint by_value, int n_threads=1):
        cdef Py_ssize_t t, start, stop, n_trees = forest.n_trees, most
        cdef int thread
        arrays = forest.arrays()
        self.n_trees = n_trees
        self.features = forest.used_features()
        self.width = max(1, self.features.size)
        self.c.slot_bits = max(1, int(self.width - 1).bit_length())
        sizes = np.diff(arrays["node_offsets"])
        inner = np.maximum(sizes // 2, 1)
        most = int(inner.max(initial=1))
        if most.bit_length() + self.c.slot_bits + KEY_WALK_FLAGS > 32:
            raise ValueError(f"trees of {most} splits on {self.width} features do not fit the links of a pack")
        first = np.zeros(n_trees + 1, dtype=np.int64)
        np.cumsum(inner, out=first[1:])
        n_inner = int(first[n_trees])
        slots = np.zeros(int(self.features.max(initial=0)) + 1, dtype=np.int32)
        slots[self.features] = np.arange(self.features.size, dtype=np.int32)
        nodes = np.empty(n_inner + 1, dtype=np.uint64)
        memory = {"nodes": nodes, "sets": arrays["category_sets"], "first": first}
        scratch = np.empty((n_threads, 2, int(sizes.max(initial=1))), dtype=np.uint32)
        held = arrays["nodes"] if n_trees else np.zeros(1, arrays["nodes"].dtype)
        cdef const uint8_t[::1] raw = held.view(np.uint8)
        cdef uint8_t[::1] out = nodes.view(np.uint8)
        cdef uint32_t[:, :, ::1] room = scratch
        cdef const int32_t[::1] slot = slots
        cdef const int64_t[::1] offsets = arrays["node_offsets"]
        cdef const uint8_t[:, ::1] sets = arrays["category_sets"]
        cdef int32_t[::1] place = np.empty(0 if by_value else 2 * n_inner + 1, dtype=np.int32)
        cdef double[::1] value = np.empty(2 * n_inner + 1 if by_value else 0)
        self.memory = memory
        self.first = first
        self.place, self.value = place, value
        self.c.nodes = <const key_walk_node *> &out[0]
        self.c.first = &self.first[0]
        self.c.sets = &sets[0, 0] if sets.shape[0] else NULL
        start = 0
        while start < n_trees:
            check()
            stop = start + 1
            while stop < n_trees and offsets[stop] - offsets[start] < WINDOW:
                stop += 1
            for t in prange(start, stop, nogil=True, num_threads=n_threads, schedule="dynamic"):
                thread = thread_num()
                pack_tree(<const walk_node *> &raw[0] + offsets[t], offsets[t + 1] - offsets[t],
                          <key_walk_node *> &out[0] + self.first[t],
                          NULL if by_value else &place[2 * self.first[t]],
                          &value[2 * self.first[t]] if by_value else NULL,
                          &room[thread, 0, 0], &room[thread, 1, 0], &slot[0], self.c.slot_bits)
            start = stop


cdef void pack_tree(const walk_node *nodes, int64_t n_nodes, key_walk_node *out, int32_t *place, double *value,
                    uint32_t *node, uint32_t *stack, const int32_t *slot, int32_t slot_bits) noexcept nogil:
    """One tree, in groups of siblings and their children, depth first from group to group.

    `node` and `stack` have room for n_nodes.
    """
    cdef Tree tree
    cdef uint32_t group[4]
    cdef uint32_t q, p, lo, hi, child, top = 1
    cdef int n_groups
    tree.nodes, tree.out = nodes, out
    tree.place, tree.value = place, value
    tree.node = node
    if n_nodes == 1:
        out[0].key = 0x7fffffff
        out[0].link = KEY_WALK_LEFT_LEAF | KEY_WALK_RIGHT_LEAF | KEY_WALK_MISSING_LEFT
        note_leaf(&tree, 0, 0)
        note_leaf(&tree, 1, 0)
        return
    node[0] = 0
    tree.n_placed = 1
    stack[0] = 0  # place of the first sibling, times two, and whether there is another
    while top:
        top -= 1
        child = stack[top]
        lo = tree.n_placed
        for q in range(child >> 1, (child >> 1) + 1 + (child & 1)):
            pack_node(&tree, q, slot, slot_bits)
        hi = tree.n_placed
        n_groups = 0
        for p in range(lo, hi):
            child = tree.n_placed
            pack_node(&tree, p, slot, slot_bits)
            if tree.n_placed > child:
                group[n_groups] = child << 1 | (tree.n_placed - child - 1)
                n_groups += 1
        while n_groups:
            n_groups -= 1
            stack[top] = group[n_groups]
            top += 1


cdef inline void note_leaf(Tree *tree, uint32_t number, uint32_t node) noexcept nogil:
    if tree.place != NULL:
        tree.place[number] = <int32_t> node
    else:
        tree.value[number] = tree.nodes[node].threshold


cdef inline void pack_node(Tree *tree, uint32_t place, const int32_t *slot, int32_t slot_bits) noexcept nogil:
    """A node that has got its place; its children get theirs."""
    cdef const walk_node *node = tree.nodes + tree.node[place]
    cdef uint32_t left = tree.node[place] + 1, right = node.right, child = tree.n_placed, link = 0
    cdef bint left_leaf = tree.nodes[left].feature < 0, right_leaf = tree.nodes[right].feature < 0
    if left_leaf:
        link |= KEY_WALK_LEFT_LEAF
        note_leaf(tree, 2 * place, left)
    else:
        tree.node[tree.n_placed] = left
        tree.n_placed += 1
    if right_leaf:
        link |= KEY_WALK_RIGHT_LEAF
        note_leaf(tree, 2 * place + 1, right)
    else:
        tree.node[tree.n_placed] = right
        tree.n_placed += 1
    if left_leaf:
        child = 0 if right_leaf else child - 1
    if node.feature & WALK_MISSING_LEFT:
        link |= KEY_WALK_MISSING_LEFT
    if node.feature & WALK_CATEGORIES:
        link |= KEY_WALK_SET
        tree.out[place].key = <int32_t> node.threshold
    else:
        tree.out[place].key = K.key_walk_threshold(node.threshold)
    link |= <uint32_t> slot[node.feature & WALK_FEATURE] << KEY_WALK_FLAGS
    tree.out[place].link = link | child << (KEY_WALK_FLAGS + slot_bits)


def key_pack_of(forest, bint by_value, n_walks=None, int n_threads=1):
    """The forest packed for walks by key: made when it pays, kept until the forest changes.

    Parameters
    ----------
    forest : CartForest
    by_value : bool
        See `KeyPack`.
    n_walks : int, optional
        Walks, rows times trees, that are to be made; when missing the forest is packed in any case.
    n_threads : int, default=1

    Returns
    -------
    KeyPack or None
        None if packing would take longer than it would have saved so far, or the forest cannot be packed.
    """
    name = "keys to values" if by_value else "keys to places"
    views = forest.views
    if name not in views:
        if n_walks is not None:
            n_walks += views.get("walks", 0)
            if PACKING * n_walks < forest.n_nodes:
                views["walks"] = n_walks
                return None
        try:
            views[name] = KeyPack(forest, by_value, n_threads)
        except ValueError:
            views[name] = None
    return views[name]
