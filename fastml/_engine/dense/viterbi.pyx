"""The most likely paths of many sequences.

As many sequences as a vector has lanes go beside each other. Which state comes before which is not kept for all
frames: only the best probabilities at the begin of every block are, and a block is gone through again on the way
back. Of equally likely states the lowest is taken, on any number of threads.
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
    BLOCK = 256


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
    int64_t *edges
    int16_t *back


cdef class _Paths:
    cdef Frames frames
    cdef Model model
    cdef Py_ssize_t n_lanes, most_blocks
    cdef const int64_t[:, ::1] groups
    cdef const int64_t[::1] offsets, lengths
    cdef int64_t[::1] path
    cdef double[::1] likelihood

    cdef Py_ssize_t carve(self, double *room, Work *work) noexcept nogil:
        """Places in a thread's workspace; its size in doubles."""
        cdef Py_ssize_t w = self.n_lanes, n = self.model.n_padded, c = self.model.n_components_padded
        work.x = room
        work.known = work.x + BLOCK * w * self.model.emission.n_rows
        work.components = work.known + BLOCK * w
        work.d = work.components + BLOCK * w * c
        work.unused = work.d + BLOCK * w * n
        work.best = work.unused + BLOCK * w
        work.next = work.best + w * n
        work.start = work.next + w * n
        work.kept = work.start + w * n
        work.edges = <int64_t *>(work.kept + self.most_blocks * w * n)
        work.back = <int16_t *>(work.edges + self.most_blocks + 1)
        return <double *>(work.back + BLOCK * w * n) - room

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
    order = np.argsort(-lengths, kind="stable")
    groups = np.full((len(order) + width - 1) // width * width, -1, dtype=np.int64)
    groups[: len(order)] = order
    work.frames, work.model = frames, model
    work.groups, work.n_lanes = groups.reshape(-1, width), width
    work.lengths, work.offsets = lengths, np.cumsum(lengths) - lengths
    path, likelihood = np.empty(frames.n_rows, dtype=np.int64), np.empty(frames.n_sequences)
    work.path, work.likelihood = path, likelihood
    work.most_blocks = lengths.max() // BLOCK + 2 + width
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
                work.group(g, room + thread_num() * size)
    finally:
        free(room)
    return likelihood, path
