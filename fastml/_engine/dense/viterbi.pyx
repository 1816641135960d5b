"""The most likely paths of many sequences.

As many sequences as a vector has lanes go beside each other. Where too few of about the same length are left for
that, each goes alone with its states in lanes; then lanes hold stretches of it while its densities are computed.
Which state comes before which is not kept for all frames: only the best probabilities at the begin of every block
are, and a block is gone through again on the way back. Of equally likely states the lowest is taken, on any number
of threads.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport INFINITY, NAN
from libc.stdint cimport int16_t, int64_t
from libc.stdlib cimport free, malloc

from fastml._engine.dense.hidden_markov cimport Frames, Model
from fastml._engine.runtime.dense_kernels cimport D, forward_backward_lanes
from fastml._engine.runtime.openmp cimport thread_num

from fastml._engine.dense.hidden_markov import n_lanes as lanes_of_vector
from fastml._engine.runtime.interrupt import check

cdef enum:
    BLOCK = 256             # frames of each lane
    ALONE = 1 << 17         # doubles of a block of a sequence that goes alone


cdef struct Work:
    double *x
    double *known
    double *components
    double *d
    double *unused
    double *best
    double *next
    double *start
    double *kept
    double *rows
    int64_t *edges
    int16_t *back


cdef class _Paths:
    cdef Frames frames
    cdef Model model
    cdef Py_ssize_t n_lanes, most_blocks, most_alone, alone_block
    cdef const int64_t[:, ::1] groups
    cdef const int64_t[::1] offsets, lengths
    cdef int64_t[::1] path
    cdef double[::1] likelihood

    cdef Py_ssize_t carve(self, double *room, Work *work) noexcept nogil:
        """Places in a thread's workspace; its size in doubles."""
        cdef Py_ssize_t w = self.n_lanes, n = self.model.n_padded, c = self.model.n_components_padded
        cdef Py_ssize_t wide = self.model.n_wide, states = max(w * n, wide)
        work.x = room
        work.known = work.x + BLOCK * w * self.model.emission.n_rows
        work.components = work.known + BLOCK * w
        work.d = work.components + BLOCK * w * c
        work.unused = work.d + BLOCK * w * n
        work.best = work.unused + BLOCK * w
        work.next = work.best + states
        work.start = work.next + states
        work.kept = work.start + states
        work.rows = work.kept + max(self.most_blocks * w * n, self.most_alone * wide)
        work.edges = <int64_t *>(work.rows + (self.alone_block * self.model.n_states + wide if self.most_alone else 0))
        work.back = <int16_t *>(work.edges + self.most_blocks + 1)
        return <double *>(work.back + max(BLOCK * w * n, self.alone_block * wide if self.most_alone else 0)) - room

    cdef void densities(self, const forward_backward_lanes *lanes, int64_t b, int64_t e, Work *work) noexcept nogil:
        if self.model.n_symbols:
            D.forward_backward_lookup(self.frames.symbols, lanes, b, e, self.model.log_table, work.unused,
                                      self.model.n_states, 0.0, work.d, work.unused)
            return
        self.frames.pack(lanes, b, e, self.model.entries, self.model.emission.n_rows, work.x, work.known)
        if self.model.n_mix == 1:
            D.forward_backward_densities(&self.model.emission, work.x, work.known, e - b, work.d)
        else:
            D.forward_backward_densities(&self.model.emission, work.x, work.known, e - b, work.components)
            D.forward_backward_mix_log(work.components, e - b, self.model.n_states, self.model.n_mix, work.d)

    cdef void group(self, Py_ssize_t g, double *room) noexcept nogil:
        cdef Work work
        cdef forward_backward_lanes lanes
        cdef Py_ssize_t l, s, k, t, n_blocks = 0, w = self.n_lanes, n = self.model.n_padded
        cdef int64_t b, e
        cdef int64_t at[8]
        cdef double most
        self.carve(room, &work)
        lanes.n_frames = 0
        for l in range(w):
            s = self.groups[g, l]
            lanes.first[l] = lanes.since[l] = lanes.to[l] = at[l] = 0
            if s >= 0:
                lanes.first[l] = self.offsets[s]
                lanes.to[l] = self.lengths[s]
                lanes.n_frames = max(lanes.n_frames, lanes.to[l])
        for k in range(n):
            for l in range(w):
                work.best[k * w + l] = 0.0 if k < self.model.n_states else -INFINITY
                work.next[k * w + l] = -INFINITY
                work.start[k * w + l] = self.model.log_start[k] if k < self.model.n_states else NAN
        b = 0
        while b < lanes.n_frames:
            e = min(b + <int64_t>BLOCK, lanes.n_frames)
            for l in range(w):
                if b < lanes.to[l] < e:
                    e = lanes.to[l]
            work.edges[n_blocks] = b
            for k in range(n * w):
                work.kept[n_blocks * n * w + k] = work.best[k]
            n_blocks += 1
            self.densities(&lanes, b, e, &work)
            D.forward_backward_path(self.model.log_transposed, self.model.n_states, work.d, e - b,
                                    0 if b == 0 else -1, work.start, work.best, work.next, NULL)
            for l in range(w):
                if lanes.to[l] == e:
                    for k in range(self.model.n_states):
                        if work.best[k * w + l] > work.best[at[l] * w + l]:
                            at[l] = k
                    most = work.best[at[l] * w + l]
                    self.likelihood[self.groups[g, l]] = most if most > -1e200 else -INFINITY
            b = e
        work.edges[n_blocks] = lanes.n_frames
        while n_blocks:
            n_blocks -= 1
            b, e = work.edges[n_blocks], work.edges[n_blocks + 1]
            self.densities(&lanes, b, e, &work)
            D.forward_backward_path(self.model.log_transposed, self.model.n_states, work.d, e - b,
                                    0 if b == 0 else -1, work.start, work.kept + n_blocks * n * w, work.next,
                                    work.back)
            for l in range(w):
                if lanes.to[l] >= e:
                    for t in range(e - b - 1, -1, -1):
                        self.path[lanes.first[l] + b + t] = at[l]
                        at[l] = work.back[(t * n + at[l]) * w + l]

    cdef void alone_densities(self, Py_ssize_t first, int64_t b, int64_t e, Work *work) noexcept nogil:
        """Log densities of frames b to e of the sequence that begins in row `first`, line by line into work.rows."""
        cdef forward_backward_lanes lanes, lines
        cdef int64_t at, stretch
        cdef double *rows = work.rows
        cdef Py_ssize_t l
        while b < e:
            stretch = min(<int64_t>BLOCK, (e - b + self.n_lanes - 1) // self.n_lanes)
            lanes.n_frames = lines.n_frames = stretch
            at = 0
            for l in range(self.n_lanes):
                lanes.first[l], lines.first[l] = first + b + at, at
                lanes.since[l] = lines.since[l] = 0
                lanes.to[l] = lines.to[l] = max(<int64_t>0, min(stretch, e - b - at))
                at += stretch
            self.densities(&lanes, 0, stretch, work)
            D.forward_backward_unpack(work.d, self.model.n_padded, self.model.n_states, &lines, 0, stretch, rows)
            rows += min(at, e - b) * self.model.n_states
            b += min(at, e - b)

    cdef void go_alone(self, Py_ssize_t first, int64_t b, int64_t e, Work *work, double *best,
                       int16_t *back) noexcept nogil:
        self.alone_densities(first, b, e, work)
        D.forward_backward_path_alone(self.model.log_moves, self.model.n_states, self.model.n_wide, work.rows, e - b,
                                      0 if b == 0 else -1, work.start, best, work.next, back)

    cdef void alone(self, Py_ssize_t s, double *room) noexcept nogil:
        cdef Work work
        cdef Py_ssize_t k, n = self.model.n_states, wide = self.model.n_wide, first = self.offsets[s]
        cdef int64_t t, b, e, n_frames = self.lengths[s], n_blocks = 0, at = 0
        self.carve(room, &work)
        for k in range(wide):
            work.best[k] = 0.0
            work.start[k] = self.model.log_start[k] if k < n else NAN
        e = 0
        while e < n_frames:
            b, e = e, min(n_frames, e + <int64_t>self.alone_block)
            for k in range(wide):
                work.kept[n_blocks * wide + k] = work.best[k]
            n_blocks += 1
            self.go_alone(first, b, e, &work, work.best, work.back if e == n_frames else NULL)
        for k in range(n):
            if work.best[k] > work.best[at]:
                at = k
        self.likelihood[s] = work.best[at] if work.best[at] > -1e200 else -INFINITY
        while n_blocks:
            n_blocks -= 1
            b, e = n_blocks * self.alone_block, min(n_frames, (n_blocks + 1) * <int64_t>self.alone_block)
            if e < n_frames:
                self.go_alone(first, b, e, &work, work.kept + n_blocks * wide, work.back)
            for t in range(e - b - 1, -1, -1):
                self.path[first + b + t] = at
                at = work.back[t * wide + at]


def _arrange(lengths, Py_ssize_t width):
    """Sequences by length, `width` to a group; those of a group that would leave most lanes idle, one to a group.

    Returns
    -------
    int64 array of shape (n_groups, width)
        Numbers of sequences; -1: none.
    """
    order = np.argsort(-lengths, kind="stable")
    groups = np.full((len(order) + width - 1) // width * width, -1, dtype=np.int64)
    groups[: len(order)] = order
    groups = groups.reshape(-1, width)
    used = np.where(groups >= 0, lengths[groups], 0)
    idle = 2 * used.sum(axis=1) <= width * used[:, 0]
    alone = np.full((int((groups[idle] >= 0).sum()), width), -1, dtype=np.int64)
    alone[:, 0] = groups[idle][groups[idle] >= 0]
    return np.concatenate([alone, groups[~idle]])


def paths(Frames frames not None, Model model not None, int n_threads=1):
    """Viterbi's algorithm (1967) for every sequence.

    Parameters
    ----------
    frames : Frames
    model : Model
        At most 32767 states.
    n_threads : int, default=1

    Returns
    -------
    likelihood : float64 array of shape (n_sequences,)
        Log probability of the path and the frames; -infinity if every path has probability 0.
    path : int64 array of shape (n_rows,)
    """
    cdef _Paths work = _Paths()
    cdef Work layout
    cdef Py_ssize_t g, start, stop, n_groups, size, width = lanes_of_vector()
    cdef double *room
    lengths = frames.lengths
    groups = _arrange(lengths, width)
    work.frames, work.model = frames, model
    work.groups, work.n_lanes = groups, width
    work.lengths, work.offsets = lengths, np.cumsum(lengths) - lengths
    path, likelihood = np.empty(frames.n_rows, dtype=np.int64), np.empty(frames.n_sequences)
    work.path, work.likelihood = path, likelihood
    most = lengths[groups[:, 0]]
    lonely = groups[:, 1] < 0
    work.most_blocks = most[~lonely].max(initial=0) // BLOCK + 2 + width
    work.alone_block = max(ALONE // model.n_wide, 8 * BLOCK)
    work.most_alone = -(-most[lonely].max(initial=0) // work.alone_block)
    work.alone_block = min(work.alone_block, most[lonely].max(initial=0))
    n_groups = len(work.groups)
    n_threads = min(<Py_ssize_t>n_threads, n_groups)
    size = work.carve(NULL, &layout) + 16
    room = <double *>malloc(n_threads * size * sizeof(double))
    if room == NULL:
        raise MemoryError()
    try:
        for start in range(0, n_groups, 64 * n_threads):
            check()
            stop = min(n_groups, start + 64 * n_threads)
            for g in prange(start, stop, nogil=True, num_threads=n_threads, schedule="dynamic"):
                if work.groups[g, 1] < 0:
                    work.alone(work.groups[g, 0], room + thread_num() * size)
                else:
                    work.group(g, room + thread_num() * size)
    finally:
        free(room)
    return likelihood, path
