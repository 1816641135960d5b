"""Hidden Markov models over many sequences in parallel: one pass forward and backward.

The kernels run as many sequences beside each other as a vector has lanes; `LanePlan` says which, and cuts long
ones into pieces that begin some frames early. Chunks of groups of lanes are shared among threads. Each has its
own statistics, added in order at the end: the number of threads changes no bit. What passes are needed, and
whether pieces agree at their borders, is decided in `chain.py`.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastml._engine.dense.hidden_markov cimport Frames, Model, padded
from fastml._engine.runtime.dense_kernels cimport D, forward_backward_lanes
from fastml._engine.runtime.openmp cimport thread_num

from fastml._engine.runtime.interrupt import check

cdef enum:
    BLOCK = 32              # frames whose posteriors are summed together
    PACKED = 64             # frames that are read together
    SERIAL_WORK = 20000     # frames times states for which a second thread does not pay
    WINDOW = 1 << 26        # the same between two looks at the keyboard


cdef struct Work:
    double *x
    double *known
    double *components
    double *d
    double *shift
    double *alpha
    double *inverse
    double *ends
    double *gamma
    double *w
    double *shares
    double *beta
    double *end
    double *start
    double *scratch
    double *doubt
    double *total
    double *cells


cdef class Run:
    """One pass over all groups, with whatever of its results is asked for."""

    cdef Frames frames
    cdef Model model
    cdef Py_ssize_t n_lanes, most_frames, room_size, n_cells
    cdef Py_ssize_t at_states, at_starts, at_components, at_first, at_second
    cdef double *room
    cdef const int64_t[::1] first, length, sequence, warm_ups, n_frames, chunks
    cdef const uint8_t[::1] begins, ends
    cdef const int64_t[:, ::1] groups
    cdef const double[::1] weights
    cdef const uint8_t[::1] left_out
    cdef public bint given_ends, counting, backward
    cdef double[:, ::1] posteriors
    cdef bint has_posteriors, has_border
    cdef readonly object likelihood, doubt, borders, cells, counts
    cdef double[::1] likelihoods, doubts
    cdef double[:, :, ::1] border      # alpha before and at the end, beta at the end and before: (4, n_pieces, n)
    cdef double[:, ::1] chunk_cells
    cdef double[:, :, ::1] chunk_counts

    def __cinit__(self, Frames frames not None, Model model not None, weights, left_out, bint counting,
                  bint backward, posteriors=None, borders=None):
        cdef Py_ssize_t n = model.n_padded, c = model.n_components_padded
        self.frames, self.model = frames, model
        plan = frames.plan
        self.first, self.length, self.sequence = plan.first, plan.length, plan.sequence
        self.begins, self.ends, self.groups = plan.begins, plan.ends, plan.groups
        self.warm_ups, self.n_frames, self.chunks = plan.warm_ups, plan.n_frames, plan.chunks
        self.n_lanes = plan.n_lanes
        self.weights, self.left_out = weights, left_out
        self.counting, self.backward = counting, backward or counting or posteriors is not None
        self.has_posteriors = posteriors is not None
        if self.has_posteriors:
            self.posteriors = posteriors
        self.likelihood = self.likelihoods = np.zeros(plan.n_pieces)
        self.doubt = self.doubts = np.zeros(plan.n_pieces)
        self.given_ends = borders is not None
        self.has_border = plan.is_cut
        if plan.is_cut:
            self.borders = np.zeros((4, plan.n_pieces, n)) if borders is None else borders
            self.border = self.borders
        rows, pairs = model.emission.n_rows, padded(model.n_pairs)
        self.at_states = n * n
        self.at_starts = self.at_states + n
        self.at_components = self.at_starts + n
        self.at_first = self.at_components + c
        self.at_second = self.at_first + c * rows
        self.n_cells = self.at_second + c * pairs
        if counting:
            self.cells = self.chunk_cells = np.zeros((len(plan.chunks) - 1, self.n_cells))
            if model.n_symbols:
                self.counts = np.zeros((len(plan.chunks) - 1, model.n_symbols, n))
                self.chunk_counts = self.counts
        self.most_frames = max(plan.n_frames)

    def __dealloc__(self):
        free(self.room)

    cdef double *_carve(self, double **at, Py_ssize_t lines) noexcept nogil:
        cdef double *here = at[0]
        at[0] = here + lines * self.n_lanes
        return here

    cdef Py_ssize_t _lay_out(self, double *room, Work *work) noexcept nogil:
        """Places of the arrays in a thread's workspace; its size in doubles."""
        cdef Py_ssize_t t = self.most_frames, n = self.model.n_padded, c = self.model.n_components_padded
        cdef double *at = room
        work.x = self._carve(&at, t * self.model.emission.n_rows)
        work.known = self._carve(&at, t)
        work.d = self._carve(&at, t * n)
        work.components = self._carve(&at, t * c) if self.model.n_mix > 1 else work.d
        work.shift = self._carve(&at, t)
        work.alpha = self._carve(&at, (t + 1) * n)
        work.inverse = self._carve(&at, t)
        work.ends = self._carve(&at, t)
        work.gamma = self._carve(&at, BLOCK * n)
        work.w = self._carve(&at, BLOCK * n)
        work.shares = self._carve(&at, BLOCK * c)
        work.beta = self._carve(&at, n)
        work.end = self._carve(&at, n)
        work.start = self._carve(&at, n)
        work.scratch = self._carve(&at, 2 * n)
        work.doubt = self._carve(&at, 1)
        work.total = self._carve(&at, 1)
        work.cells = self._carve(&at, self.n_cells)
        return at - room

    cdef bint place(self, Py_ssize_t g, Py_ssize_t warm_up, forward_backward_lanes *lanes,
                    int64_t *own) noexcept nogil:
        """What the lanes of a group read, and the ends of their own frames. False if there is nothing."""
        cdef Py_ssize_t l, p
        cdef bint some = False
        lanes.n_frames = 1
        for l in range(self.n_lanes):
            p = self.groups[g, l]
            lanes.first[l] = lanes.since[l] = lanes.to[l] = own[l] = 0
            if p < 0 or self.left_out[self.sequence[p]]:
                continue
            some = True
            lanes.first[l] = self.first[p] - warm_up
            lanes.since[l] = warm_up if self.begins[p] else 0
            own[l] = warm_up + self.length[p]
            lanes.to[l] = own[l] if self.ends[p] else own[l] + warm_up
            lanes.n_frames = max(lanes.n_frames, lanes.to[l])
        return some

    cdef void densities(self, const forward_backward_lanes *lanes, Work *work) noexcept nogil:
        """d and shift of all frames of a group."""
        cdef Py_ssize_t t = 0, stop, width = self.n_lanes, rows = self.model.emission.n_rows
        cdef Py_ssize_t n = self.model.n_padded, c = self.model.n_components_padded
        cdef double *x
        cdef double *d
        if self.model.n_symbols:
            D.forward_backward_lookup(self.frames.symbols, lanes, 0, lanes.n_frames, self.model.table,
                                      self.model.tops, self.model.n_states, 1.0, work.d, work.shift)
            return
        while t < lanes.n_frames:
            stop = min(t + <Py_ssize_t>PACKED, lanes.n_frames)
            x = work.x + t * rows * width
            d = work.components + t * c * width
            self.frames.pack(lanes, t, stop, self.model.entries, rows, x, work.known + t * width)
            D.forward_backward_densities(&self.model.emission, x, work.known + t * width, stop - t, d)
            D.forward_backward_scale(d, stop - t, self.model.n_components, work.shift + t * width)
            if self.model.n_mix > 1:
                D.forward_backward_mix(d, stop - t, self.model.n_states, self.model.n_mix, work.d + t * n * width)
            t = stop

    cdef void go_forward(self, Py_ssize_t g, Py_ssize_t warm_up, const forward_backward_lanes *lanes,
                         const int64_t *own, Work *work) noexcept nogil:
        cdef Py_ssize_t l, k, p, width = self.n_lanes, n = self.model.n_padded
        cdef double *entry = work.alpha + warm_up * n * width
        cdef double guess = 1.0 / self.model.n_states
        for k in range(n):
            for l in range(width):
                work.alpha[k * width + l] = guess if k < self.model.n_states else 0.0
                work.start[k * width + l] = 0.0
        if warm_up:
            D.forward_backward_forward(&self.model.chain, work.d, warm_up, -1, NULL, work.scratch, work.alpha,
                                       work.inverse)
        for l in range(width):
            if lanes.to[l] == 0:
                continue
            p = self.groups[g, l]
            if self.begins[p]:
                for k in range(self.model.n_states):
                    entry[k * width + l] = 0.0
                    work.start[k * width + l] = self.model.start[k]
            elif self.given_ends:
                for k in range(self.model.n_states):
                    entry[k * width + l] = self.border[0, p, k]
        D.forward_backward_forward(&self.model.chain, work.d + warm_up * n * width, lanes.n_frames - warm_up, 0,
                                   work.start, work.scratch, entry, work.inverse + warm_up * width)
        for l in range(width):
            if lanes.to[l] and self.has_border:
                p = self.groups[g, l]
                for k in range(n):
                    self.border[0, p, k] = entry[k * width + l]
                    self.border[1, p, k] = work.alpha[(own[l] * n + k) * width + l]

    cdef void set_ends(self, Py_ssize_t g, const forward_backward_lanes *lanes, Work *work,
                       int64_t *last_end) noexcept nogil:
        """beta at the last frame of each lane, and where these are."""
        cdef Py_ssize_t l, k, p, t, width = self.n_lanes, n = self.model.n_padded
        cdef double total, weight
        last_end[0] = lanes.n_frames - 1
        for l in range(width):
            if lanes.to[l]:
                last_end[0] = min(last_end[0], lanes.to[l] - 1)
        memset(work.ends + last_end[0] * width, 0, (lanes.n_frames - last_end[0]) * width * sizeof(double))
        memset(work.beta, 0, n * width * sizeof(double))
        memset(work.end, 0, n * width * sizeof(double))
        for l in range(width):
            if lanes.to[l] == 0:
                continue
            p = self.groups[g, l]
            t = lanes.to[l]
            work.ends[(t - 1) * width + l] = 1.0
            weight = self.weights[self.sequence[p]]
            if self.given_ends and not self.ends[p]:
                total = 0.0
                for k in range(n):
                    total += work.alpha[(t * n + k) * width + l] * self.border[2, p, k]
                for k in range(n):
                    work.end[k * width + l] = weight * self.border[2, p, k] / total
            else:
                for k in range(self.model.n_states):
                    work.end[k * width + l] = weight

    cdef void keep_beta(self, Py_ssize_t g, const forward_backward_lanes *lanes, int which,
                        const double *beta) noexcept nogil:
        cdef Py_ssize_t l, k
        if not self.has_border:
            return
        for l in range(self.n_lanes):
            if lanes.to[l]:
                for k in range(self.model.n_padded):
                    self.border[which, self.groups[g, l], k] = beta[k * self.n_lanes + l]

    cdef void go_backward(self, Py_ssize_t g, Py_ssize_t warm_up, forward_backward_lanes *lanes,
                          const int64_t *own, Work *work, Py_ssize_t chunk) noexcept nogil:
        cdef Py_ssize_t l, p, b, e, n = self.model.n_padded, width = self.n_lanes, line = n * width, border = 0
        cdef int64_t last_end
        cdef int64_t cut[8]
        cdef forward_backward_lanes mine = lanes[0]
        self.set_ends(g, lanes, work, &last_end)
        memset(work.doubt, 0, width * sizeof(double))
        for l in range(width):
            mine.since[l], mine.to[l] = warm_up, own[l]
            if lanes.to[l] > own[l]:
                border = own[l]     # the same in all lanes that go on
        e = lanes.n_frames
        while e > warm_up:
            b = max(warm_up, e - <Py_ssize_t>BLOCK)
            if b < border < e:
                b = border
            D.forward_backward_backward(&self.model.chain, work.d + b * line, work.alpha + b * line,
                                        work.inverse + b * width, e - b, work.beta, work.end,
                                        work.ends + b * width, last_end - b, work.gamma, work.w, work.doubt)
            if border and b == border:
                self.keep_beta(g, lanes, 2, work.beta)
            if border and e > border:
                for l in range(width):
                    cut[l] = own[l] - b
                D.forward_backward_cut(work.gamma, n, cut, 0, e - b)
                D.forward_backward_cut(work.w, n, cut, 0, e - b)
            if self.counting:
                self.count(b, e, &mine, work, chunk)
            if self.has_posteriors:
                D.forward_backward_unpack(work.gamma, n, self.model.n_states, &mine, b, e, &self.posteriors[0, 0])
            e = b
        self.keep_beta(g, lanes, 3, work.beta)
        if self.counting:
            for l in range(width):
                if lanes.to[l] and self.begins[self.groups[g, l]]:
                    for p in range(n):
                        work.cells[(self.at_states + n + p) * width + l] += work.gamma[p * width + l]

    cdef void count(self, Py_ssize_t b, Py_ssize_t e, const forward_backward_lanes *mine, Work *work,
                    Py_ssize_t chunk) noexcept nogil:
        """Add a block of frames to the chunk's statistics."""
        cdef Py_ssize_t n = self.model.n_padded, c = self.model.n_components_padded
        cdef Py_ssize_t width = self.n_lanes, rows = self.model.emission.n_rows
        cdef double *cells = work.cells
        cdef double *shares = work.gamma
        D.forward_backward_sums(work.alpha + b * n * width, n, n, work.w, n, n, NULL, NULL, e - b, cells)
        D.forward_backward_totals(work.gamma, n, e - b, cells + self.at_states * width)
        if self.model.n_symbols:
            D.forward_backward_count(work.gamma, n, self.frames.symbols, mine, b, e, &self.chunk_counts[chunk, 0, 0])
            return
        if self.model.n_mix > 1:
            shares = work.shares
            D.forward_backward_share(work.gamma, work.d + b * n * width, work.components + b * c * width, e - b,
                                     self.model.n_states, self.model.n_mix, shares)
            D.forward_backward_totals(shares, c, e - b, cells + self.at_components * width)
        D.forward_backward_sums(shares, c, c, work.x + b * rows * width, rows, rows, NULL, NULL, e - b,
                                cells + self.at_first * width)
        if self.model.second:
            D.forward_backward_sums(shares, c, c, work.x + b * rows * width, rows, padded(self.model.n_pairs),
                                    self.model.left, self.model.right, e - b, cells + self.at_second * width)

    cdef void one(self, Py_ssize_t g, Work *work, Py_ssize_t chunk, bint backward) noexcept nogil:
        """A group, from its frames to what is asked for."""
        cdef forward_backward_lanes lanes
        cdef int64_t own[8]
        cdef int64_t since[8]
        cdef Py_ssize_t l, p, warm_up = 0 if self.given_ends else self.warm_ups[g]
        if not self.place(g, warm_up, &lanes, own):
            return
        for l in range(8):
            since[l] = warm_up
        self.densities(&lanes, work)
        self.go_forward(g, warm_up, &lanes, own, work)
        D.forward_backward_likelihood(work.shift, work.inverse, since, own, lanes.n_frames, work.total)
        memset(work.doubt, 0, self.n_lanes * sizeof(double))
        if backward:
            self.go_backward(g, warm_up, &lanes, own, work, chunk)
        for l in range(self.n_lanes):
            if lanes.to[l]:
                p = self.groups[g, l]
                self.likelihoods[p] = work.total[l]
                self.doubts[p] = work.doubt[l]

    cdef void chunk(self, Py_ssize_t c, int thread) noexcept nogil:
        """The groups of a chunk; its statistics are those of the lanes, added in their order."""
        cdef Work work
        cdef Py_ssize_t g, i, l, width = self.n_lanes
        cdef double total
        self._lay_out(self.room + thread * self.room_size, &work)
        memset(work.cells, 0, self.n_cells * width * sizeof(double))
        for g in range(self.chunks[c], self.chunks[c + 1]):
            self.one(g, &work, c, self.backward)
        if self.counting:
            for i in range(self.n_cells):
                total = 0.0
                for l in range(width):
                    total += work.cells[i * width + l]
                self.chunk_cells[c, i] = total

    cdef int take_room(self, int n_threads) except -1:
        cdef Work work
        # a line of cache between the threads' rooms
        self.room_size = self._lay_out(NULL, &work) // 8 * 8 + 16
        free(self.room)
        self.room = <double *>malloc(n_threads * self.room_size * sizeof(double))
        if self.room == NULL:
            raise MemoryError()
        return 0

    def run(self, int n_threads):
        """Go through all chunks."""
        cdef Py_ssize_t c, start, stop, n_chunks = len(self.chunks) - 1
        cdef Py_ssize_t work = self.frames.n_rows * self.model.n_padded
        cdef Py_ssize_t window = max(<Py_ssize_t>n_threads, n_chunks * <Py_ssize_t>WINDOW // max(work, 1))
        if work < SERIAL_WORK:
            n_threads = 1
        n_threads = min(<Py_ssize_t>n_threads, n_chunks)
        self.take_room(n_threads)
        for start in range(0, n_chunks, window):
            check()
            stop = min(n_chunks, start + window)
            if n_threads == 1:
                with nogil:
                    for c in range(start, stop):
                        self.chunk(c, 0)
            else:
                for c in prange(start, stop, nogil=True, num_threads=n_threads, schedule="dynamic"):
                    self.chunk(c, thread_num())

    def scan(self, sequences, int n_threads):
        """Set `borders` of the pieces of these sequences to what they are: one piece after the other.

        The plan of this run has each piece in a group of its own.
        """
        cdef const int64_t[::1] numbers = np.ascontiguousarray(sequences, dtype=np.int64)
        cdef const int64_t[::1] starts = np.searchsorted(self.frames.plan.sequence,
                                                         np.arange(self.frames.n_sequences + 1)).astype(np.int64)
        cdef Py_ssize_t i, n = len(numbers)
        n_threads = min(<Py_ssize_t>n_threads, n)
        self.take_room(n_threads)
        check()
        for i in prange(n, nogil=True, num_threads=n_threads, schedule="dynamic"):
            self.scan_one(starts[numbers[i]], starts[numbers[i] + 1], thread_num())

    cdef void scan_one(self, Py_ssize_t first, Py_ssize_t stop, int thread) noexcept nogil:
        cdef Work work
        cdef Py_ssize_t p, k
        self._lay_out(self.room + thread * self.room_size, &work)
        for p in range(first, stop):
            if p > first:
                for k in range(self.model.n_padded):
                    self.border[0, p, k] = self.border[1, p - 1, k]
            self.one(p, &work, 0, False)
        for p in range(stop - 1, first, -1):
            self.one(p, &work, 0, True)
            for k in range(self.model.n_padded):
                self.border[2, p - 1, k] = self.border[3, p, k]
