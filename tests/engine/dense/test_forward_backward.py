"""The forward-backward engine against the slow recursions and against every path there is."""

import itertools

import numpy as np
import pytest

from fastml._engine.dense.chain import expectations
from fastml._engine.dense.hidden_markov import Frames, Model
from fastml._engine.dense.lane_plan import LanePlan
from fastml._engine.dense.log_chain import log_expectations
from fastml._engine.dense.viterbi import paths
from fastml.hmm.base import unfold
from tests.reference import forward_backward as reference


def some_chain(rng, n, forbidden=False):
    transmat = rng.dirichlet(np.ones(n), size=n) * 0.5 + 0.5 * np.eye(n)
    if forbidden:
        transmat = np.triu(transmat)
        transmat /= transmat.sum(axis=1, keepdims=True)
    return rng.dirichlet(np.ones(n)), transmat


def given(logs, lengths, startprob, transmat):
    """Frames and model whose densities are the frames."""
    n = len(startprob)
    frames = Frames(
        np.ascontiguousarray(logs),
        np.asarray(lengths),
        n_states=n,
        n_components=n,
        statistics_bytes=0,
        has_missing=False,
    )
    return frames, Model(startprob, transmat, "given", n_features=n)


def counted(frames, model, transmat, **options):
    n, m = model.n_states, model.n_padded
    passed = expectations(frames, model, counting=True, **options)
    return passed, transmat * unfold(passed.cells[: m * m], m, m)[:n, :n]


@pytest.mark.parametrize(("n_states", "n_frames"), [(1, 3), (2, 6), (3, 5), (4, 4), (5, 1)])
@pytest.mark.parametrize("forbidden", [False, True])
def test_every_path(n_states, n_frames, forbidden):
    rng = np.random.default_rng(n_states)
    startprob, transmat = some_chain(rng, n_states, forbidden)
    logs = rng.normal(size=(n_frames, n_states)) * 2
    expected = reference.enumerate_paths(startprob, transmat, logs)
    slow = reference.expectations(startprob, transmat, logs)
    assert slow[0] == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(slow[1], expected[1], atol=1e-13)
    np.testing.assert_allclose(slow[2], expected[2], atol=1e-12)
    np.testing.assert_array_equal(reference.viterbi(startprob, transmat, logs)[1], expected[4])
    frames, model = given(logs, [n_frames], startprob, transmat)
    posteriors = np.empty(logs.shape)
    passed, transitions = counted(frames, model, transmat, posteriors=posteriors)
    assert passed.likelihood[0] == pytest.approx(expected[0], rel=1e-13)
    np.testing.assert_allclose(posteriors, expected[1], atol=1e-14)
    np.testing.assert_allclose(transitions, expected[2], atol=1e-13)
    likelihood, path = paths(frames, model)
    assert likelihood[0] == pytest.approx(expected[3], rel=1e-12)
    np.testing.assert_array_equal(path, expected[4])
    total, in_logs, moved = log_expectations(startprob, transmat, logs)
    assert total == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(in_logs, expected[1], atol=1e-13)
    np.testing.assert_allclose(moved, expected[2], atol=1e-12)


@pytest.mark.parametrize("n_states", [2, 3, 8, 13])
@pytest.mark.parametrize("forbidden", [False, True])
def test_many_lengths(n_states, forbidden):
    rng = np.random.default_rng(n_states)
    lengths = [1, 2, 31, 32, 33, 64, 65, 100, 1, 7, 300, 50, 50]
    startprob, transmat = some_chain(rng, n_states, forbidden)
    logs = rng.normal(size=(sum(lengths), n_states)) * 3
    weights = rng.uniform(size=len(lengths))
    frames, model = given(logs, lengths, startprob, transmat)
    posteriors = np.empty(logs.shape)
    passed, transitions = counted(frames, model, transmat, weights=weights, posteriors=posteriors)
    likelihood, path = paths(frames, model)
    starts = np.cumsum([0, *lengths])
    expected = np.zeros((n_states, n_states))
    for i, (a, b) in enumerate(itertools.pairwise(starts)):
        total, gamma, xi = reference.expectations(startprob, transmat, logs[a:b])
        assert passed.likelihood[i] == pytest.approx(total, rel=1e-12)
        np.testing.assert_allclose(posteriors[a:b], weights[i] * gamma, atol=1e-10)
        expected += weights[i] * xi
        best, way = reference.viterbi(startprob, transmat, logs[a:b])
        assert likelihood[i] == pytest.approx(best, rel=1e-12)
        np.testing.assert_array_equal(path[a:b], way)
    np.testing.assert_allclose(transitions, expected, rtol=1e-9, atol=1e-12)
    assert len(passed.in_doubt) == 0


@pytest.mark.parametrize(
    ("sticky", "forbidden"), [(0.0, False), (0.7, False), (0.999999, False), (0.9, True)]
)
def test_long_sequences_are_cut_without_a_trace(sticky, forbidden, monkeypatch):
    """Pieces of a sequence, and the sequence as a whole; also where the chain does not forget."""
    rng = np.random.default_rng(5)
    n, lengths = 4, [3000, 40, 5000, 1, 1024, 1100]
    startprob, transmat = some_chain(rng, n, forbidden)
    transmat = (1 - sticky) * transmat + sticky * np.eye(n)
    # nothing that a frame says: only the chain itself forgets, or does not
    logs = rng.normal(size=(sum(lengths), n)) * (0.0 if sticky > 0.99 else 1.0)
    results = []
    for cut in (True, False):
        if not cut:
            monkeypatch.setattr("fastml._engine.dense.lane_plan.LEAST_STEP", 10**6)
            monkeypatch.setattr("fastml._engine.dense.lane_plan.MOST_STEP", 10**6)
        frames, model = given(logs, lengths, startprob, transmat)
        assert frames.plan.is_cut == cut
        posteriors = np.empty(logs.shape)
        first = counted(frames, model, transmat, posteriors=posteriors)
        again = counted(frames, model, transmat)
        np.testing.assert_allclose(first[1], again[1], rtol=1e-9)
        assert (frames.rest > 0) == (cut and (sticky > 0.9 or forbidden))
        assert not cut or (frames.plan.warm_up > 64) == (sticky > 0.5)
        results.append((first[0].likelihood, posteriors, first[1], expectations(frames, model).likelihood))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("n_states", [3, 8])
def test_same_bits_on_any_number_of_threads(n_states):
    rng = np.random.default_rng(0)
    lengths = [*rng.integers(1, 400, size=60), 9000]
    startprob, transmat = some_chain(rng, n_states)
    logs = rng.normal(size=(sum(lengths), n_states))
    seen = set()
    for n_threads in (1, 2, 3, 7):
        frames, model = given(logs, lengths, startprob, transmat)
        posteriors = np.empty(logs.shape)
        passed = expectations(frames, model, counting=True, posteriors=posteriors, n_threads=n_threads)
        path = paths(frames, model, n_threads)
        seen.add(
            posteriors.tobytes()
            + passed.cells.tobytes()
            + passed.likelihood.tobytes()
            + path[0].tobytes()
            + path[1].tobytes()
        )
    assert len(seen) == 1


def test_any_range():
    """Log densities of millions, differences of thousands: neither underflow nor overflow."""
    rng = np.random.default_rng(1)
    startprob, transmat = some_chain(rng, 3)
    logs = rng.normal(size=(50, 3)) * 3000 - 1e6
    frames, model = given(logs, [50], startprob, transmat)
    posteriors = np.empty(logs.shape)
    passed = expectations(frames, model, posteriors=posteriors)
    total, gamma, _ = reference.expectations(startprob, transmat, logs)
    assert passed.likelihood[0] == pytest.approx(total, rel=1e-13)
    np.testing.assert_allclose(posteriors, gamma, atol=1e-7)
    assert len(passed.in_doubt) == 0


def test_hidden_paths_are_in_doubt():
    """Two states that never change: frame 5 speaks for the second by exp(800), all others for the first."""
    logs = np.zeros((300, 2))
    logs[5, 0] = -800
    logs[6:, 1] = -10
    frames, model = given(logs, [300], np.array([0.5, 0.5]), np.eye(2))
    for passed in (expectations(frames, model), expectations(frames, model, counting=True)):
        assert passed.in_doubt.tolist() == [0]
    total, posteriors, _ = log_expectations(np.array([0.5, 0.5]), np.eye(2), logs)
    assert total == pytest.approx(np.log(0.5) - 800)
    np.testing.assert_allclose(posteriors[:, 0], 1)


def test_impossible_sequences_spoil_no_other():
    rng = np.random.default_rng(2)
    startprob, transmat = some_chain(rng, 3)
    logs = rng.normal(size=(60, 3))
    frames, model = given(logs[:40], [10] * 4, startprob, transmat)
    _, expected = counted(frames, model, transmat)
    logs[45] = -np.inf
    frames, model = given(logs, [10] * 6, startprob, transmat)
    passed, _ = counted(frames, model, transmat)
    assert passed.in_doubt.tolist() == [4]
    frames, model = given(np.delete(logs, np.s_[50:], 0), [10] * 5, startprob, transmat)
    np.testing.assert_allclose(counted(frames, model, transmat)[1], expected, rtol=1e-12)
    assert paths(frames, model)[0][4] == -np.inf


@pytest.mark.parametrize("lengths", [[1], [5] * 9, [10**5], [3000, 1, 700, 2100], [2 * 512 + 63, 1024]])
@pytest.mark.parametrize("n_lanes", [2, 4, 8])
def test_plan(lengths, n_lanes):
    plan = LanePlan(lengths, n_lanes, 200, 1000)
    assert plan.first[0] == 0 and (plan.first[1:] == (plan.first + plan.length)[:-1]).all()
    assert plan.length.min() >= 1 and plan.length.sum() == sum(lengths)
    np.testing.assert_array_equal(np.bincount(plan.sequence, plan.length), lengths)
    assert plan.begins.sum() == plan.ends.sum() == len(lengths)
    pieces = plan.groups[plan.groups >= 0]
    np.testing.assert_array_equal(np.sort(pieces), np.arange(plan.n_pieces))
    assert plan.chunks[0] == 0 and plan.chunks[-1] == len(plan.groups) and (np.diff(plan.chunks) > 0).all()
    # pieces that are warmed up have all the frames that this takes
    cut = plan.begins == 0
    assert (plan.length[cut] >= 64).all()
