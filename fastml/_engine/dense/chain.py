"""Hidden Markov models over many sequences: expected counts, posteriors, likelihoods.

Pieces of a long sequence begin from a guess (see `lane_plan.py`). Where the distribution that one has
reached at its first own frame is not, to AGREES of each probability, what the piece before it ends with,
the guess was not good enough: then the true distributions are computed one piece after the other
(`Run.scan`), and the pieces run once more from these. The recursions do not enlarge relative differences of
probabilities (Birkhoff 1957; Seneta, Non-negative Matrices, section 3.1), so what agrees at a border agrees
within the piece.
"""

import numpy as np

from fastml._engine.dense.forward_backward import Run

__all__ = ["Passed", "expectations"]

AGREES = 1e-11
DOUBT = 1e130


class Passed:
    """What a pass found.

    Attributes
    ----------
    likelihood : float64 array of shape (n_sequences,)
        Log-likelihoods.
    in_doubt : int64 array
        Sequences that must be computed in logarithms; they are in no other result.
    cells : float64 array, counts : float64 array of shape (n_symbols, n_padded) or None
        Statistics, see `Statistics`.
    """

    def __init__(self, likelihood, in_doubt, cells=None, counts=None):
        self.likelihood, self.in_doubt, self.cells, self.counts = likelihood, in_doubt, cells, counts


def expectations(frames, model, *, weights=None, counting=False, posteriors=None, n_threads=1):
    """Forward and, as needed, backward through all sequences.

    Parameters
    ----------
    frames : Frames
    model : Model
    weights : float64 array of shape (n_sequences,), optional
        What a sequence's counts are multiplied by.
    counting : bool, default=False
        Accumulate statistics.
    posteriors : float64 array of shape (n_rows, n_states), optional
        Filled with the probabilities of the states, times the sequence's weight.
    n_threads : int, default=1

    Returns
    -------
    Passed
    """
    plan = frames.plan
    weights = np.ones(frames.n_sequences) if weights is None else weights
    left_out = np.zeros(frames.n_sequences, dtype=np.uint8)
    options = (counting, not model.dense, posteriors)
    borders = None
    if plan.is_cut and frames.rest > 0:
        frames.rest -= 1
        borders = np.zeros((4, plan.n_pieces, model.n_padded))
        cut = np.unique(plan.sequence[plan.begins == 0])
        _scan(frames, model, weights, left_out, borders, cut, n_threads)
    run = Run(frames, model, weights, left_out, *options, borders)
    run.run(n_threads)
    if plan.is_cut and borders is None:
        strange = _disagree(plan, run.borders, run.backward)
        if len(strange) and frames.lengthen():
            again = {"weights": weights, "counting": counting, "posteriors": posteriors}
            return expectations(frames, model, **again, n_threads=n_threads)
        if len(strange):
            # not tried again for a while, and for longer each time that it fails
            frames.patience = min(2 * frames.patience, 64)
            frames.rest = frames.patience
            borders = run.borders
            _scan(frames, model, weights, left_out, borders, strange, n_threads)
            run = Run(frames, model, weights, left_out, *options, borders)
            run.run(n_threads)
    likelihood = np.bincount(plan.sequence, run.likelihood)
    doubtful = ~np.isfinite(likelihood)
    if run.backward:
        most = np.zeros(frames.n_sequences)
        np.maximum.at(most, plan.sequence, np.where(run.doubt <= DOUBT, run.doubt, np.inf))
        doubtful |= ~(most <= DOUBT * np.minimum(weights, 1))
    if counting and doubtful.any():
        left_out[doubtful] = 1
        run = Run(frames, model, weights, left_out, *options, borders)
        run.run(n_threads)
    in_doubt = np.flatnonzero(doubtful)
    if not counting:
        return Passed(likelihood, in_doubt)
    counts = None if run.counts is None else _in_order(run.counts)
    return Passed(likelihood, in_doubt, _in_order(run.cells), counts)


def _in_order(parts):
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total


def _disagree(plan, borders, backward):
    """Sequences with a border at which two pieces have not come to the same."""
    later = np.flatnonzero(plan.begins == 0)
    pairs = [(borders[0, later], borders[1, later - 1])]
    if backward:
        pairs.append((borders[2, later - 1], borders[3, later]))
    bad = np.zeros(len(later), dtype=bool)
    for guess, truth in pairs:
        with np.errstate(invalid="ignore"):
            bad |= ~(np.abs(guess - truth) <= AGREES * truth).all(axis=1)
    return np.unique(plan.sequence[later[bad]])


def _scan(frames, model, weights, left_out, borders, sequences, n_threads):
    plan = frames.plan
    single = frames.alone()
    run = Run(single, model, np.where(weights > 0, weights, 1.0), left_out, False, True, None, borders)
    assert single.plan.n_pieces == plan.n_pieces
    run.scan(sequences, n_threads)
