# cython: cdivision=True
"""Trees that several threads grow together: fewer trees than threads, most of all a single one.

Large nodes are split one level after the other, each by one thread; a node that is not large is grown to its leaves
by the thread that takes it, largest first. What is random in a node hangs on its path, and rows of different nodes
lie apart (see cart_growth.pyx), so no thread needs to know what another one does, and a tree is the same node for
node however it was cut. Every thread appends the nodes of its pieces to its own; their places in the finished tree,
which numbers nodes depth first, follow from the sizes of the pieces.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memset

from fastml._engine.tree.cart_growth cimport grow_on, open_node, split_node
from fastml._engine.tree.cart_memory cimport fits

cdef enum:
    DEEPEST_LARGE = 32    # levels: a tree that takes a row off at every split is not cut into as many pieces


cdef bint add_piece(Pieces *pieces, int64_t tree, const Sample *sample, const OpenNode *root) noexcept nogil:
    cdef Piece *piece
    if not fits(<void **> &pieces.records, &pieces.room, pieces.n + 1, sizeof(Piece)):
        return False
    piece = pieces.records + pieces.n
    memset(piece, 0, sizeof(Piece))
    piece.tree, piece.sample, piece.root = tree, sample, root[0]
    piece.left = piece.right = -1
    pieces.n += 1
    return True


cdef bint is_large(const Pieces *pieces, int64_t at) noexcept nogil:
    return pieces.records[at].root.n > pieces.large and pieces.records[at].root.depth < DEEPEST_LARGE


cdef bint make_room(Pieces *pieces, int64_t n_split) noexcept nogil:
    """For the children of so many pieces."""
    return fits(<void **> &pieces.children, &pieces.child_room, 2 * n_split, sizeof(OpenNode))


cdef void start(Growth *g, Piece *piece) noexcept nogil:
    g.sample = piece.sample
    piece.grown, piece.first, piece.n_sets = g, g.n_nodes, g.n_sets
    open_node(g, &piece.root)


cdef void end(const Growth *g, Piece *piece) noexcept nogil:
    piece.n_nodes, piece.n_sets = g.n_nodes - piece.first, g.n_sets - piece.n_sets


cdef void split_piece(const CartSettings *s, Growth *g, Piece *piece, OpenNode *children) noexcept nogil:
    """Searches and splits the root of a piece; its left child is marked as such until it is a piece itself."""
    start(g, piece)
    piece.left = 0 if split_node(s, g, children) else -1
    end(g, piece)


cdef bint add_children(Pieces *pieces, int64_t first, int64_t last) noexcept nogil:
    """The children of the pieces from first to last become pieces."""
    cdef int64_t i
    cdef const OpenNode *children
    for i in range(first, last):
        if pieces.records[i].left < 0:
            continue
        children = pieces.children + 2 * (i - first)
        pieces.records[i].left, pieces.records[i].right = pieces.n, pieces.n + 1
        if not add_piece(pieces, pieces.records[i].tree, pieces.records[i].sample, children) or not add_piece(
                pieces, pieces.records[i].tree, pieces.records[i].sample, children + 1):
            return False
    return True


cdef bint fill_queue(Pieces *pieces) noexcept nogil:
    cdef int64_t i, at
    pieces.n_queue = pieces.next = 0
    if not fits(<void **> &pieces.queue, &pieces.queue_room, pieces.n, sizeof(int64_t)):
        return False
    for i in range(pieces.n):
        if pieces.records[i].grown != NULL:
            continue
        at = pieces.n_queue
        while at > 0 and pieces.records[pieces.queue[at - 1]].root.n < pieces.records[i].root.n:
            pieces.queue[at] = pieces.queue[at - 1]
            at -= 1
        pieces.queue[at] = i
        pieces.n_queue += 1
    return True


cdef void grow_queue(const CartSettings *s, Growth *g, Pieces *pieces, int64_t budget) noexcept nogil:
    """Grows pieces of the queue until the budget is spent."""
    cdef int64_t at
    while budget > 0 and not g.failed:
        if g.job < 0:
            at = take_next(&pieces.next)
            if at >= pieces.n_queue:
                return
            g.job = pieces.queue[at]
            start(g, pieces.records + g.job)
        budget -= grow_on(s, g, budget)
        if g.n_open == 0 and not g.failed:
            end(g, pieces.records + g.job)
            g.job = -1


cdef void place_pieces(Pieces *pieces) noexcept nogil:
    """Finds out where the nodes and sets of each piece belong: a node, then all on its left, then all on its right."""
    cdef int64_t i
    cdef Piece *piece
    cdef Piece *left
    cdef Piece *right
    for i in range(pieces.n - 1, -1, -1):
        piece = pieces.records + i
        piece.all_nodes, piece.all_sets = piece.n_nodes, piece.n_sets
        if piece.left >= 0:
            left, right = pieces.records + piece.left, pieces.records + piece.right
            piece.all_nodes += left.all_nodes + right.all_nodes
            piece.all_sets += left.all_sets + right.all_sets
    for i in range(pieces.n):
        piece = pieces.records + i
        if piece.left >= 0:
            left, right = pieces.records + piece.left, pieces.records + piece.right
            left.node_at, left.set_at = piece.node_at + piece.n_nodes, piece.set_at + piece.n_sets
            right.node_at, right.set_at = left.node_at + left.all_nodes, left.set_at + left.all_sets


cdef void free_pieces(Pieces *pieces) noexcept nogil:
    free(pieces.records)
    free(pieces.children)
    free(pieces.queue)
