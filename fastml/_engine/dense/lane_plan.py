"""Which sequences, and which pieces of long ones, run beside each other in the lanes of a vector.

Short sequences are put together with others of about their length. Long ones are cut into pieces of `step`
frames. A piece begins `warm_up` frames early, from a uniform distribution, and ends as many late: a chain
forgets where it came from, and the engine checks that it did. The plan follows from the lengths and the
model's size alone, so that the number of threads changes no bit.
"""

from copy import copy

import numpy as np

__all__ = ["LONG_WARM_UP", "LanePlan"]

WARM_UP = 64
LONG_WARM_UP = 256
LEAST_STEP = 512
MOST_STEP = 2048
MOST_CHUNKS = 64


class LanePlan:
    """Pieces, groups of pieces that run together, chunks of groups that have statistics of their own.

    Parameters
    ----------
    lengths : int64 array of shape (n_sequences,)
        At least 1 each.
    n_lanes : int
    frame_bytes : int
        What a lane's frame takes in a thread's workspace.
    chunk_bytes : int
        What a chunk's statistics take.
    warm_up : int, default=64
        Frames before and after a piece.

    Attributes
    ----------
    first, length, sequence : int64 arrays of shape (n_pieces,)
        First row, number of frames and sequence of a piece; pieces are in the order of the rows.
    begins, ends : uint8 arrays of shape (n_pieces,)
        Whether a sequence begins or ends with the piece.
    groups : int64 array of shape (n_groups, n_lanes)
        Numbers of pieces, -1 for an empty lane.
    warm_ups : int64 array of shape (n_groups,)
    n_frames : int64 array of shape (n_groups,)
        Frames from the first of the warm-up to the last that a lane has.
    chunks : int64 array of shape (n_chunks + 1,)
        Chunk c has the groups from chunks[c] to chunks[c + 1].
    is_cut : bool
    """

    def __init__(self, lengths, n_lanes, frame_bytes, chunk_bytes, warm_up=WARM_UP):
        lengths = np.ascontiguousarray(lengths, dtype=np.int64)
        self.n_lanes, self.warm_up = n_lanes, warm_up
        n_rows = int(lengths.sum())
        most = max(2 * warm_up, min(MOST_STEP, (4 << 20) // (frame_bytes * n_lanes)))
        step = min(most, max(LEAST_STEP, n_rows // 64))
        n_whole = np.maximum((lengths - warm_up) // step, 0)
        n_whole[lengths < 2 * step] = 0
        n_pieces = n_whole + 1
        self.sequence = np.repeat(np.arange(len(lengths)), n_pieces)
        number = np.arange(len(self.sequence)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
        offsets = np.cumsum(lengths) - lengths
        self.first = offsets[self.sequence] + number * step
        self.begins = (number == 0).astype(np.uint8)
        self.ends = (number == n_whole[self.sequence]).astype(np.uint8)
        last = lengths[self.sequence] - number * step
        self.length = np.where(self.ends, last, step)
        self.is_cut = bool(n_whole.any())
        self._make_groups(n_whole[self.sequence] > 0, n_lanes)
        self._make_chunks(chunk_bytes)

    @property
    def n_pieces(self):
        return len(self.first)

    def alone(self):
        """The same pieces, each in a group of its own, in order."""
        other = copy(self)
        other.groups = np.full((self.n_pieces, self.n_lanes), -1, dtype=np.int64)
        other.groups[:, 0] = np.arange(self.n_pieces)
        other.n_frames = self.length
        other.warm_ups = np.zeros(self.n_pieces, dtype=np.int64)
        other.chunks = np.arange(self.n_pieces + 1)
        return other

    def _make_groups(self, is_piece, n_lanes):
        short = np.flatnonzero(~is_piece)
        short = short[np.argsort(-self.length[short], kind="stable")]
        kinds = [(np.flatnonzero(is_piece), self.warm_up), (short, 0)]
        groups, warm_ups = [], []
        for pieces, warm_up in kinds:
            padded = np.full(-(-len(pieces) // n_lanes) * n_lanes, -1, dtype=np.int64)
            padded[: len(pieces)] = pieces
            groups.append(padded.reshape(-1, n_lanes))
            warm_ups.append(np.full(len(groups[-1]), warm_up, dtype=np.int64))
        self.groups = np.concatenate(groups)
        self.warm_ups = np.concatenate(warm_ups)
        end = self.length + np.where(is_piece & (self.ends == 0), self.warm_up, 0)
        here = np.where(self.groups >= 0, end[self.groups], 0)
        self.n_frames = self.warm_ups + here.max(axis=1)

    def _make_chunks(self, chunk_bytes):
        n_groups = len(self.groups)
        most = int(np.clip((96 << 20) // max(chunk_bytes, 1), 4, MOST_CHUNKS))
        n_chunks = min(n_groups, most)
        total = np.cumsum(self.n_frames)
        edges = np.searchsorted(total, total[-1] * np.arange(1, n_chunks) / n_chunks, side="left") + 1
        self.chunks = np.unique(np.concatenate([[0], edges, [n_groups]])).astype(np.int64)
