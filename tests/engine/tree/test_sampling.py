"""Draws of rows and features: the right amount, without bias, the same for the same round."""

import numpy as np
import pytest

from fastml._engine.tree.sampling import AllRows, GradientRows, RandomRows, draw_features, mix_seed


def test_mix_seed_separates_seeds_and_counters():
    seen = {
        mix_seed(seed, *counters)
        for seed in range(20)
        for counters in [(), (0,), (1,), (0, 0), (0, 1), (1, 0)]
    }
    assert len(seen) == 20 * 6
    assert all(0 <= value < 2**64 for value in seen)


def test_mix_seed_bits_are_balanced():
    bits = np.array([[mix_seed(7, i) >> b & 1 for b in range(64)] for i in range(2000)])
    # 2000 coins: a mean beyond 0.5 +- 0.06 is 5.4 standard deviations off
    assert np.all(np.abs(bits.mean(axis=0) - 0.5) < 0.06)


def test_all_rows():
    sampler = AllRows()
    sampler.start_round(3)
    assert sampler.draw(0, None, None) == (None, None)


def _check_split(rows, rest, n_rows):
    assert rows.dtype == rest.dtype == np.uint32
    assert np.all(np.diff(rows.astype(np.int64)) > 0)
    np.testing.assert_array_equal(np.sort(np.concatenate([rows, rest])), np.arange(n_rows))


def test_random_rows_are_a_function_of_the_round():
    one, other = RandomRows(1000, 0.3, 5), RandomRows(1000, 0.3, 5)
    draws = []
    for round_index in range(3):
        one.start_round(round_index)
        draws.append(one.draw(0, None, None))
        _check_split(*draws[-1], 1000)
        # the trees of a round share their rows
        assert one.draw(1, None, None)[0] is draws[-1][0]
    other.start_round(2)
    np.testing.assert_array_equal(other.draw(0, None, None)[0], draws[2][0])
    assert not np.array_equal(draws[0][0][:100], draws[1][0][:100])


def test_random_rows_draw_each_row_as_often():
    sampler = RandomRows(50, 0.3, 0)
    count = np.zeros(50)
    for round_index in range(2000):
        sampler.start_round(round_index)
        count[sampler.draw(0, None, None)[0]] += 1
    # binomial with standard deviation 20.5; the largest of 50 stays within 5 of them
    assert np.all(np.abs(count - 600) < 105)


def test_random_rows_never_leave_a_tree_without_rows():
    sampler = RandomRows(1, 0.01, 0)
    for round_index in range(50):
        sampler.start_round(round_index)
        assert sampler.draw(0, None, None) == (None, None)


def test_random_rows_of_a_tiny_fraction_are_one_row():
    sampler = RandomRows(100, 1e-9, 0)
    drawn = set()
    for round_index in range(50):
        sampler.start_round(round_index)
        rows, rest = sampler.draw(0, None, None)
        assert rows.size == 1 and rest.size == 99
        drawn.add(int(rows[0]))
    assert len(drawn) > 20


def _gradients(n_rows=1000, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(n_rows).astype(np.float32), rng.random(n_rows).astype(np.float32)


def test_gradient_rows_keep_the_largest_and_reweight_the_drawn():
    sampler = GradientRows(1000, 0.2, 0.1, seed=1, full_rounds=0)
    g, h = _gradients()
    g_before, h_before = g.copy(), h.copy()
    sampler.start_round(0)
    rows, rest = sampler.draw(0, g, h)
    _check_split(rows, rest, 1000)
    largest = np.argsort(-np.abs(g_before))[:200]
    assert set(largest) <= set(rows.tolist())
    np.testing.assert_array_equal(g[largest], g_before[largest])
    drawn = np.setdiff1d(rows, largest)
    assert 50 < drawn.size < 160  # 800 coins that fall on heads with probability 1/8
    np.testing.assert_array_equal(g[drawn], g_before[drawn] * np.float32(8))
    np.testing.assert_array_equal(h[drawn], h_before[drawn] * np.float32(8))
    np.testing.assert_array_equal(g[rest], g_before[rest])


def test_gradient_rows_sums_are_unbiased():
    total = 0.0
    g_all, _ = _gradients()
    for round_index in range(3000):
        sampler = GradientRows(1000, 0.2, 0.1, seed=1, full_rounds=0)
        g, h = _gradients()
        sampler.start_round(round_index)
        total += g[sampler.draw(0, g, h)[0]].sum(dtype=np.float64)
    spread = np.sqrt(np.sort(g_all**2)[:800].sum(dtype=np.float64) * 7 / 3000)
    assert abs(total / 3000 - g_all.sum(dtype=np.float64)) < 5 * spread


def test_gradient_rows_break_ties_by_chance():
    """Where all gradients are as large (absolute error), all rows are alike."""
    count = np.zeros(100)
    for round_index in range(500):
        sampler = GradientRows(100, 0.3, 0.2, seed=2, full_rounds=0)
        g, h = np.ones(100, dtype=np.float32), np.ones(100, dtype=np.float32)
        sampler.start_round(round_index)
        count[sampler.draw(0, g, h)[0]] += 1
    assert np.all(np.abs(count - 250) < 60)  # standard deviation 11


def test_gradient_rows_wait_for_the_first_rounds():
    sampler = GradientRows(1000, 0.2, 0.1, seed=1, full_rounds=10)
    g, h = _gradients()
    sampler.start_round(9)
    assert sampler.draw(0, g, h) == (None, None)
    sampler.start_round(10)
    assert sampler.draw(0, g, h)[0] is not None


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_gradient_rows_of_tiny_data(n_rows):
    sampler = GradientRows(n_rows, 0.2, 0.1, seed=1, full_rounds=0)
    g, h = _gradients(n_rows)
    sampler.start_round(0)
    rows, rest = sampler.draw(0, g, h)
    assert (rows is None and rest is None) or rows.size >= 1


def test_draw_features():
    assert draw_features(10, 1.0, 0, 1) is None
    drawn = draw_features(10, 0.35, 0, 1)
    assert drawn.dtype == np.int32 and drawn.size == 4
    assert np.all(np.diff(drawn) > 0) and drawn.min() >= 0 and drawn.max() < 10
    np.testing.assert_array_equal(drawn, draw_features(10, 0.35, 0, 1))
    assert draw_features(10, 1e-9, 0, 1).size == 1
    assert draw_features(1, 0.5, 0, 1) is None
    count = np.bincount(np.concatenate([draw_features(10, 0.5, 3, i) for i in range(2000)]), minlength=10)
    assert np.all(np.abs(count - 1000) < 120)  # standard deviation 22
