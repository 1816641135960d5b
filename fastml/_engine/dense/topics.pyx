"""Latent Dirichlet allocation over threads: weights of words, documents, statistics, topics.

Threads share documents, then words: a document's expectations depend on no other document, and the statistic
of a word is summed over documents in their order by whoever has the word. So the number of threads changes no
bit. What is as large as the documents is kept for a window of them at a time.
"""

import numpy as np

from cython cimport floating
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc

from fastml._engine.runtime.dense_kernels cimport (
    D, TOPICS_EXPECTED_LOG, TOPICS_MEAN, topics_room, topics_rule,
)
from fastml._engine.runtime.openmp cimport thread_num

from fastml._engine.runtime.interrupt import check

cdef enum:
    WINDOW = 1 << 19         # reals kept for a window of documents
    LEAST_WORDS = 256        # words of a block
    MOST_BLOCKS = 64         # of words or documents whose sums are merged in order
    RANGES = 4               # of words, a thread
    LOOK = 1 << 25           # entries of documents times topics between two looks at the keyboard


def width_of(Py_ssize_t n_topics, dtype):
    """Reals of a word's line of the tables: the topics, up to a multiple of 64 bytes."""
    cdef Py_ssize_t lanes = 64 // np.dtype(dtype).itemsize
    return (n_topics + lanes - 1) // lanes * lanes


cdef class Documents:
    """Lines of a CSR matrix of counts, read where they lie.

    Parameters
    ----------
    X : CSR matrix of float32 or float64, indices sorted, of less than 2**31 columns
        Row numbers and column numbers of 64 bits are copied to 32 bits.
    """

    cdef readonly Py_ssize_t n_documents, n_words
    cdef readonly object data
    cdef const int32_t[::1] words
    cdef const int64_t[::1] starts
    cdef Py_ssize_t longest

    def __init__(self, X):
        self.n_documents, self.n_words = X.shape
        self.data = np.ascontiguousarray(X.data)
        self.words = np.ascontiguousarray(X.indices, dtype=np.int32)
        starts = np.ascontiguousarray(X.indptr, dtype=np.int64)
        self.starts = starts
        self.longest = int(np.diff(starts).max(initial=0))

    def words_of(self, Py_ssize_t first, Py_ssize_t last):
        """Distinct words of documents, ascending: int32 array."""
        seen = np.zeros(self.n_words, dtype=np.uint8)
        cdef unsigned char[::1] mark = seen
        cdef int64_t i
        for i in range(self.starts[first], self.starts[last]):
            mark[self.words[i]] = 1
        return np.flatnonzero(seen).astype(np.int32)

    cdef Py_ssize_t part(self, Py_ssize_t first, Py_ssize_t width) noexcept nogil:
        """Where the documents end that are worked on between two looks at the keyboard."""
        cdef Py_ssize_t stop = first + 1
        while stop < self.n_documents and (self.starts[stop] - self.starts[first]) * width < LOOK:
            stop += 1
        return stop

    cdef Py_ssize_t window(self, Py_ssize_t first, Py_ssize_t last, Py_ssize_t width) noexcept nogil:
        """Where the window that begins with a document ends."""
        cdef Py_ssize_t stop = first + 1
        while stop < last and self.starts[stop + 1] - self.starts[first] + (stop + 1 - first) * width <= WINDOW:
            stop += 1
        return stop


cdef topics_rule _rule(dict options, Py_ssize_t width) except *:
    cdef topics_rule rule
    rule.width = width
    rule.n_topics = options["n_topics"]
    rule.max_iter = options["max_iter"]
    rule.tolerance = options["tolerance"]
    rule.negligible = options["negligible"]
    return rule


cdef char *_rooms(Py_ssize_t n_threads, Py_ssize_t room_bytes) except NULL:
    cdef char *rooms = <char *>malloc(n_threads * room_bytes + 64)
    if rooms == NULL:
        raise MemoryError(f"cannot take {n_threads * room_bytes} bytes")
    return rooms


cdef inline char *_room(char *rooms, Py_ssize_t room_bytes) noexcept nogil:
    """The calling thread's room, at a multiple of 64 bytes."""
    return <char *>((<size_t>rooms + 63) // 64 * 64) + thread_num() * room_bytes


cdef inline Py_ssize_t _block(Py_ssize_t n) noexcept nogil:
    return max(<Py_ssize_t>LEAST_WORDS, (n + MOST_BLOCKS - 1) // MOST_BLOCKS)


cdef const int32_t *_pointer(const int32_t[::1] rows) noexcept:
    return &rows[0] if rows is not None and rows.shape[0] else NULL


def weigh(const floating[:, ::1] topics, const double[::1] sums, floating[:, ::1] weights, *, bint mean=False,
          const int32_t[::1] rows=None, double[::1] peak=None, int n_threads=1):
    """Weights of words from the topics' parameters (src_c/dense/topics.h).

    Parameters
    ----------
    topics : array of shape (n_words, width)
    sums : float64 array of shape (n_topics,)
        Sums of the topics over words.
    weights : array of shape (n_words, width)
        Filled.
    mean : bool, default=False
        Of E[beta] instead of exp(E[log beta]).
    rows : int32 array, optional
        These words only.
    peak : float64 array of shape (n_words,), optional
        Filled with the logarithms of what the words' weights were divided by.
    n_threads : int, default=1
    """
    cdef Py_ssize_t width = topics.shape[1], k, n_topics = sums.shape[0], b
    cdef Py_ssize_t n = topics.shape[0] if rows is None else rows.shape[0]
    cdef Py_ssize_t block = LEAST_WORDS, n_blocks = (n + block - 1) // block
    cdef Py_ssize_t room_bytes = width * sizeof(floating)
    cdef int kind = TOPICS_MEAN if mean else TOPICS_EXPECTED_LOG
    cdef const int32_t *chosen = _pointer(rows)
    cdef double *peaks = NULL if peak is None else &peak[0]
    cdef double[::1] exact = np.array(sums)
    if n == 0:
        return
    if not mean:
        D.digamma_exp_f64(&sums[0], n_topics, &exact[0])
    scale_array = np.zeros(width, dtype=np.asarray(topics).dtype)
    cdef floating[::1] scale = scale_array
    for k in range(n_topics):
        scale[k] = <floating>(1.0 / max(exact[k], 1e-280)) if floating is double else \
            <floating>(1.0 / max(exact[k], 1e-30))
    cdef char *rooms = _rooms(n_threads, room_bytes)
    if n_blocks == 1:
        n_threads = 1
    for b in prange(n_blocks, nogil=True, num_threads=n_threads, schedule="dynamic"):
        _weigh_block[floating](&topics[0, 0], &scale[0], kind, chosen, b * block, min(n, (b + 1) * block), width,
                               _room(rooms, room_bytes), &weights[0, 0], peaks)
    free(rooms)


cdef void _weigh_block(const floating *topics, const floating *scale, int kind, const int32_t *rows,
                       Py_ssize_t first, Py_ssize_t last, Py_ssize_t width, char *room, floating *weights,
                       double *peak) noexcept nogil:
    cdef Py_ssize_t skip = 0 if rows != NULL else first * width
    if rows != NULL:
        rows += first
    elif peak != NULL:
        peak += first
    if floating is float:
        D.topics_weights_f32(topics + skip, scale, kind, rows, last - first, width, <float *>room, weights + skip,
                             peak)
    else:
        D.topics_weights_f64(topics + skip, scale, kind, rows, last - first, width, <double *>room, weights + skip,
                             peak)


cdef void _document(Documents documents, Py_ssize_t d, const floating *counts, const floating *weights,
                    const topics_rule *rule, const floating *prior, char *room, floating *gamma, floating *theta,
                    floating *ratio) noexcept nogil:
    cdef int64_t at = documents.starts[d], n = documents.starts[d + 1] - at
    cdef const int32_t *words = &documents.words[0] + at
    if floating is float:
        D.topics_document_f32(weights, rule, prior, words, counts + at, n, <float *>room, gamma, theta, ratio)
    else:
        D.topics_document_f64(weights, rule, prior, words, counts + at, n, <double *>room, gamma, theta, ratio)


def infer(Documents documents not None, const floating[:, ::1] weights, const floating[::1] prior, dict rule,
          floating[:, ::1] gamma, int n_threads=1):
    """The expectation step of every document: `gamma`, of shape (n_documents, width), is filled.

    Parameters
    ----------
    documents : Documents
    weights : array of shape (n_words, width)
    prior : array of shape (n_topics,)
    rule : dict
        Of topics_rule: n_topics, max_iter, tolerance, negligible.
    gamma : array of shape (n_documents, width)
    n_threads : int, default=1
    """
    cdef topics_rule how = _rule(rule, weights.shape[1])
    cdef Py_ssize_t room_bytes, first = 0, last, d
    cdef const floating[::1] data = documents.data
    cdef const floating *counts = &data[0] if data.shape[0] else NULL
    room_bytes = (topics_room(documents.longest, how.width) * sizeof(floating) + 63) // 64 * 64
    cdef char *rooms = _rooms(n_threads, room_bytes)
    try:
        while first < documents.n_documents:
            check()
            last = documents.part(first, how.width)
            for d in prange(first, last, nogil=True, num_threads=n_threads, schedule="dynamic", chunksize=4):
                _document[floating](documents, d, counts, &weights[0, 0], &how, &prior[0],
                                    _room(rooms, room_bytes), &gamma[d, 0], NULL, NULL)
            first = last
    finally:
        free(rooms)


def accumulate(Documents documents not None, Py_ssize_t first, Py_ssize_t last, const floating[:, ::1] weights,
               const floating[::1] prior, dict rule, double[:, ::1] stat, *, const double[::1] sample_weight=None,
               floating[:, ::1] gamma=None, int n_threads=1):
    """The expectation step of documents first to last - 1, and what it adds to the statistic of the words.

    Parameters
    ----------
    documents : Documents
    first, last : int
    weights, prior, rule : as for `infer`
    stat : float64 array of shape (n_words, width)
        Grows by theta times ratio of each document; times the weights it is the expected number of tokens.
    sample_weight : float64 array of shape (n_documents,), optional
        Weights of the documents in the statistic.
    gamma : array of shape (last - first, width), optional
        Filled.
    n_threads : int, default=1
    """
    cdef topics_rule how = _rule(rule, weights.shape[1])
    cdef Py_ssize_t width = how.width, room_bytes, stop, d, r, n_ranges = 1, most_documents = 1, most_entries = 1
    cdef const floating[::1] data = documents.data
    cdef const floating *counts = &data[0] if data.shape[0] else NULL
    cdef const double *document_weight = NULL if sample_weight is None else &sample_weight[0]
    cdef bint keep_gamma = gamma is not None
    d = first
    while d < last:  # the largest window
        stop = documents.window(d, last, width)
        most_documents = max(most_documents, stop - d)
        most_entries = max(most_entries, <Py_ssize_t>(documents.starts[stop] - documents.starts[d]))
        d = stop
    dtype = np.asarray(weights).dtype
    cdef floating[:, ::1] theta = np.empty((most_documents, width), dtype=dtype)
    cdef floating[::1] ratio = np.empty(most_entries, dtype=dtype)
    cdef floating[:, ::1] gammas = np.empty((1 if keep_gamma else n_threads, width), dtype=dtype)
    cdef Py_ssize_t begin = first
    if n_threads > 1:
        n_ranges = RANGES * n_threads
    room_bytes = (topics_room(documents.longest, width) * sizeof(floating) + 63) // 64 * 64
    cdef char *rooms = _rooms(n_threads, room_bytes)
    try:
        while first < last:
            check()
            stop = documents.window(first, last, width)
            for d in prange(first, stop, nogil=True, num_threads=n_threads, schedule="dynamic", chunksize=4):
                _document[floating](
                    documents, d, counts, &weights[0, 0], &how, &prior[0], _room(rooms, room_bytes),
                    &gamma[d - begin, 0] if keep_gamma else &gammas[thread_num(), 0], &theta[d - first, 0],
                    &ratio[0] + (documents.starts[d] - documents.starts[first]),
                )
            for r in prange(n_ranges, nogil=True, num_threads=n_threads, schedule="dynamic"):
                _add_words[floating](documents, first, stop, r * documents.n_words // n_ranges,
                                     (r + 1) * documents.n_words // n_ranges, &ratio[0], &theta[0, 0], width,
                                     document_weight, &stat[0, 0])
            first = stop
    finally:
        free(rooms)


cdef inline int64_t _below(const int32_t *words, int64_t n, Py_ssize_t word) noexcept nogil:
    """How many of ascending words are less than one."""
    cdef int64_t lo = 0, middle
    while lo < n:
        middle = (lo + n) // 2
        if words[middle] < word:
            lo = middle + 1
        else:
            n = middle
    return lo


cdef void _add_words(Documents documents, Py_ssize_t first, Py_ssize_t stop, Py_ssize_t word, Py_ssize_t end,
                     const floating *ratio, const floating *theta, Py_ssize_t width, const double *document_weight,
                     double *stat) noexcept nogil:
    """What the documents of a window add to the words of a range, in the order of the documents."""
    cdef Py_ssize_t d
    cdef int64_t at, n, lo, hi
    cdef const int32_t *words
    cdef double weight
    for d in range(first, stop):
        at = documents.starts[d]
        n = documents.starts[d + 1] - at
        words = &documents.words[0] + at
        lo = _below(words, n, word) if word > 0 else 0
        hi = _below(words, n, end) if end < documents.n_words else n
        weight = 1.0 if document_weight == NULL else document_weight[d]
        at -= documents.starts[first]
        if hi == lo or weight == 0.0:
            continue
        if floating is float:
            D.topics_accumulate_f32(words + lo, ratio + at + lo, hi - lo, theta + (d - first) * width, width, weight,
                                    stat)
        else:
            D.topics_accumulate_f64(words + lo, ratio + at + lo, hi - lo, theta + (d - first) * width, width, weight,
                                    stat)


def update(floating[:, ::1] topics, const floating[:, ::1] weights, double[:, ::1] stat, double[::1] sums, *,
           double prior, double keep, double gain, const int32_t[::1] rows=None, int n_threads=1):
    """The maximisation step: topics become prior + keep (topics - prior) + gain * stat * weights.

    Parameters
    ----------
    topics, weights : arrays of shape (n_words, width)
    stat : float64 array of shape (n_words, width)
        Zero afterwards.
    sums : float64 array of shape (n_topics,)
        Sums of the topics over all words; updated as if words that are not in `rows` were faded by `keep`.
    prior, keep, gain : float
    rows : int32 array, optional
        These words only; the others must have no statistic.
    n_threads : int, default=1
    """
    cdef Py_ssize_t width = topics.shape[1], n_words = topics.shape[0], n_topics = sums.shape[0], b, k
    cdef Py_ssize_t n = n_words if rows is None else rows.shape[0]
    cdef Py_ssize_t block = _block(n), n_blocks = (n + block - 1) // block
    cdef const int32_t *chosen = _pointer(rows)
    cdef double[:, ::1] added = np.zeros((n_blocks, width))
    cdef double whole = n_words * prior, more
    for b in prange(n_blocks, nogil=True, num_threads=n_threads if n_blocks > 1 else 1, schedule="dynamic"):
        _update_block[floating](&topics[0, 0], &weights[0, 0], &stat[0, 0], chosen, b * block,
                                min(n, (b + 1) * block), width, prior, keep, gain, &added[b, 0])
    for k in range(n_topics):
        more = 0.0
        for b in range(n_blocks):
            more += added[b, k]
        sums[k] = whole + keep * (sums[k] - whole) + gain * more


cdef void _update_block(floating *topics, const floating *weights, double *stat, const int32_t *rows,
                        Py_ssize_t first, Py_ssize_t last, Py_ssize_t width, double prior, double keep, double gain,
                        double *added) noexcept nogil:
    cdef Py_ssize_t skip = 0 if rows != NULL else first * width
    if rows != NULL:
        rows += first
    if floating is float:
        D.topics_update_f32(topics + skip, weights + skip, stat + skip, rows, last - first, width, prior, keep, gain,
                            added)
    else:
        D.topics_update_f64(topics + skip, weights + skip, stat + skip, rows, last - first, width, prior, keep, gain,
                            added)


def fade(floating[:, ::1] topics, double prior, const double[::1] keep, *, const int32_t[::1] rows=None):
    """Topics of words become prior + keep (topics - prior).

    Parameters
    ----------
    topics : array of shape (n_words, width)
    prior : float
    keep : float64 array of shape (n_words,)
    rows : int32 array, optional
        These words only.
    """
    cdef Py_ssize_t n = topics.shape[0] if rows is None else rows.shape[0]
    if n == 0:
        return
    if floating is float:
        D.topics_fade_f32(&topics[0, 0], _pointer(rows), n, topics.shape[1], prior, &keep[0])
    else:
        D.topics_fade_f64(&topics[0, 0], _pointer(rows), n, topics.shape[1], prior, &keep[0])


def score(Documents documents not None, const floating[:, ::1] weights, const double[::1] peak,
          const floating[::1] prior, dict rule, const floating[:, ::1] gamma, int n_threads=1):
    """Lower bounds of the log-probabilities of documents, given their gamma.

    Parameters
    ----------
    documents : Documents
    weights : array of shape (n_words, width)
    peak : float64 array of shape (n_words,)
    prior, rule : as for `infer`
    gamma : array of shape (n_documents, width)
    n_threads : int, default=1

    Returns
    -------
    float64 array of shape (n_documents,)
    """
    cdef topics_rule how = _rule(rule, weights.shape[1])
    cdef Py_ssize_t room_bytes = (5 * how.width + documents.longest + 64) * sizeof(double), d
    cdef const floating[::1] data = documents.data
    cdef const floating *counts = &data[0] if data.shape[0] else NULL
    out_array = np.zeros(documents.n_documents)
    cdef double[::1] out = out_array
    room_bytes = (room_bytes + 63) // 64 * 64
    cdef char *rooms = _rooms(n_threads, room_bytes)
    cdef Py_ssize_t first = 0, last
    try:
        while first < documents.n_documents:
            check()
            last = documents.part(first, how.width)
            for d in prange(first, last, nogil=True, num_threads=n_threads, schedule="dynamic", chunksize=4):
                out[d] = _score_one[floating](documents, d, counts, &weights[0, 0], &peak[0], &how, &prior[0],
                                              _room(rooms, room_bytes), &gamma[d, 0])
            first = last
    finally:
        free(rooms)
    return out_array


cdef double _score_one(Documents documents, Py_ssize_t d, const floating *counts, const floating *weights,
                       const double *peak, const topics_rule *rule, const floating *prior, char *room,
                       const floating *gamma) noexcept nogil:
    cdef int64_t at = documents.starts[d], n = documents.starts[d + 1] - at
    cdef const int32_t *words = &documents.words[0] + at
    if floating is float:
        return D.topics_score_f32(weights, peak, rule, prior, words, counts + at, n, <double *>room, gamma)
    else:
        return D.topics_score_f64(weights, peak, rule, prior, words, counts + at, n, <double *>room, gamma)
