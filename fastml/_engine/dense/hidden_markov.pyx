"""A hidden Markov model and its sequences, in the form in which the kernels read them."""

import numpy as np

from libc.stdint cimport int32_t

from fastml._engine.runtime.dense_kernels cimport D, forward_backward_lanes

from fastml._engine.dense.lane_plan import LONG_WARM_UP, LanePlan

cdef enum:
    MOST_LANES = 8    # of any instruction set

KINDS = {"diagonal": 0, "entries": 1, "full": 2, "linear": 3, "given": 4}


def n_lanes():
    """Sequences that run beside each other under the instruction set in use."""
    return D.forward_backward_n_lanes()


cdef int padded(int n) noexcept nogil:
    return (n + 3) // 4 * 4


cdef class Model:
    """A chain and the densities of its states, as the kernels read them.

    Parameters
    ----------
    startprob : array of shape (n_states,)
    transmat : array of shape (n_states, n_states)
    kind : {"diagonal", "entries", "full", "linear", "given", "symbols"}
        How a density follows from a frame; see src_c/dense/forward_backward.h.
    n_mix : int, default=1
        Components of a state; those of state k have numbers k * n_mix and up.
    constant : array of shape (n_components,)
    scale, offset, log_scale : arrays of shape (n_components, n_features)
    factor : array of shape (n_components, n_features * (n_features + 1) / 2)
    table : array of shape (n_symbols, n_states)
        Probabilities of the symbols; given for "symbols" and nothing else.
    n_features : int
    second : bool, default=False
        Whether second moments are accumulated: of each feature, or for "full" of each pair.
    missing : bool, default=False
        Whether frames may be missing.
    """

    def __init__(self, startprob, transmat, kind, *, n_features, n_mix=1, constant=None, scale=None, offset=None,
                 factor=None, log_scale=None, table=None, second=False, missing=False):
        cdef int n = len(startprob), m = padded(n), d = n_features
        self._arrays = []
        self.n_states, self.n_padded, self.n_mix = n, m, n_mix
        self.n_wide = (n + MOST_LANES - 1) // MOST_LANES * MOST_LANES
        self.n_components = n * n_mix
        self.n_components_padded = padded(self.n_components)
        self.entries = kind == "entries"
        self.dense = bool(np.min(transmat) >= 1e-100)
        self.second = second
        moves = np.zeros((m, m))
        moves[:n, :n] = transmat
        self.chain.n_padded = m
        self.chain.transitions = self._keep(moves)
        self.chain.transposed = self._keep(moves.T)
        with np.errstate(divide="ignore"):
            self.log_transposed = self._keep(np.log(moves.T))
            wide = np.zeros((n, self.n_wide))
            wide[:, :n] = transmat
            self.log_moves = self._keep(np.log(wide))
            logs = np.log(np.asarray(startprob, dtype=np.float64))
        self.start = np.ascontiguousarray(startprob, dtype=np.float64)
        self.log_start = logs
        if table is not None:
            self.n_symbols = len(table)
            tops = table.max(axis=1)
            scaled = np.zeros((len(table), m))
            scaled[:, :n] = table / np.where(tops > 0, tops, 1)[:, None]
            with np.errstate(divide="ignore"):
                logs = np.full((len(table), m), -1e300)
                logs[:, :n] = np.maximum(np.log(table), -1e300)
                self.tops = self._keep(np.maximum(np.log(tops), -1e300))
            self.table, self.log_table = self._keep(scaled), self._keep(logs)
            return
        self.emission.kind = KINDS[kind]
        self.emission.n_states, self.emission.n_mix, self.emission.n_features = n, n_mix, d
        self.n_lines = d * 2 if self.entries else d + missing
        self.emission.n_rows = self.n_rows = padded(self.n_lines)
        rows = self.n_components_padded
        if constant is not None:
            self.emission.constant = self._keep_padded(constant, rows)
        for name, array in (("scale", scale), ("offset", offset), ("log_scale", log_scale)):
            if array is None:
                continue
            if name == "scale":
                self.emission.scale = self._keep_padded(array, rows)
            elif name == "offset":
                self.emission.offset = self._keep_padded(array, rows)
            else:
                self.emission.log_scale = self._keep_padded(array, rows)
        if factor is not None:
            self.emission.factor = self._keep(factor)
        if second:
            left, right = np.tril_indices(d) if kind == "full" else (np.arange(d), np.arange(d))
            self.n_pairs = len(left)
            self.left, self.right = self._keep_index(left), self._keep_index(right)

    cdef const double *_keep(self, array) except? NULL:
        cdef const double[::1] flat
        kept = np.ascontiguousarray(array, dtype=np.float64)
        self._arrays.append(kept)
        flat = kept.reshape(-1)
        return &flat[0]

    cdef const double *_keep_padded(self, array, rows) except? NULL:
        array = np.asarray(array, dtype=np.float64)
        whole = np.zeros((rows, *array.shape[1:]))
        whole[: len(array)] = array
        return self._keep(whole)

    cdef const int32_t *_keep_index(self, index) except? NULL:
        cdef const int32_t[::1] flat
        kept = np.zeros(padded(len(index)), dtype=np.int32)
        kept[: len(index)] = index
        self._arrays.append(kept)
        flat = kept
        return &flat[0]


cdef class Frames:
    """Sequences as the kernels read them: nothing is copied.

    Parameters
    ----------
    X : float32 or float64 array of shape (n_rows, n_features), C-contiguous, or int32 of shape (n_rows,)
        NaN and negative symbols are missing.
    lengths : int64 array of shape (n_sequences,)
        At least 1 each; their sum is n_rows.
    centre : array of shape (n_features,), optional
        Subtracted from every frame as it is read.
    n_states, n_components : int
        Of the models to come: how far long sequences are cut depends on them.
    statistics_bytes : int
        Size of a model's statistics.
    """

    def __init__(self, X, lengths, *, centre=None, n_states, n_components, statistics_bytes, has_missing):
        cdef const float[:, ::1] x32
        cdef const double[:, ::1] x64
        cdef const int32_t[::1] whole
        self._input = X
        self.n_rows = len(X)
        self.n_features = 1 if X.ndim == 1 else X.shape[1]
        self.has_symbols = X.dtype == np.int32
        self.has_missing = has_missing
        if X.dtype == np.float32:
            x32 = X
            self.f32 = &x32[0, 0]
        elif X.dtype == np.float64:
            x64 = X
            self.f64 = &x64[0, 0]
        else:
            whole = X
            self.symbols = &whole[0]
        self.origin = np.zeros(self.n_features) if centre is None else np.ascontiguousarray(centre, np.float64)
        self.centre = self.origin
        self.lengths = np.ascontiguousarray(lengths, dtype=np.int64)
        self.n_sequences = len(self.lengths)
        width = 0 if self.has_symbols else 2 * self.n_features
        mixed = n_components if n_components > n_states else 0
        self._sizes = (n_lanes(), 8 * (2 * n_states + mixed + width + 4), statistics_bytes)
        self.plan = LanePlan(self.lengths, *self._sizes)
        self.patience = 1

    def lengthen(self):
        """Let pieces of sequences begin earlier and end later; returns whether that was still to be done."""
        if self.plan.warm_up >= LONG_WARM_UP:
            return False
        self.plan = LanePlan(self.lengths, *self._sizes, warm_up=LONG_WARM_UP)
        return True

    def alone(self):
        """The same sequences, with each piece in a group of its own."""
        cdef Frames other = Frames.__new__(Frames)
        other.n_rows, other.n_features, other.n_sequences = self.n_rows, self.n_features, self.n_sequences
        other.lengths, other.plan, other._input = self.lengths, self.plan.alone(), self._input
        other.has_missing, other.has_symbols = self.has_missing, self.has_symbols
        other.f32, other.f64, other.symbols, other.centre = self.f32, self.f64, self.symbols, self.centre
        other.origin = self.origin
        return other

    cdef void pack(self, const forward_backward_lanes *lanes, Py_ssize_t t, Py_ssize_t stop, bint entries,
                   Py_ssize_t n_rows, double *x, double *known) noexcept nogil:
        """Frames t to stop of a group of lanes."""
        if self.f32 != NULL:
            D.forward_backward_pack_f32(self.f32, self.n_features, &self.centre[0], lanes, t, stop, entries, n_rows, x,
                                        known)
        else:
            D.forward_backward_pack_f64(self.f64, self.n_features, &self.centre[0], lanes, t, stop, entries, n_rows, x,
                                        known)
