"""DART: which rounds are left out and how they are scaled."""

import numpy as np
import pytest

from fastml._engine.tree.dropout import Dropout


def test_draw_is_a_function_of_the_round():
    one, other = Dropout(0.3, 0.0, None, 4), Dropout(0.3, 0.0, None, 4)
    draws = [one.draw(n) for n in range(30)]
    np.testing.assert_array_equal(other.draw(29), draws[29])
    assert draws[0].size == 0
    assert all(d.size == 0 or (d.max() < n and np.all(np.diff(d) > 0)) for n, d in enumerate(draws))
    assert Dropout(0.3, 0.0, None, 5).draw(29).tolist() != draws[29].tolist()


def test_rates():
    dropout = Dropout(0.25, 0.4, None, 0)
    sizes = np.array([dropout.draw(1000 + i).size / (1000 + i) for i in range(500)])
    assert abs(np.mean(sizes == 0) - 0.4) < 0.11  # 5 standard deviations of 500 coins
    assert abs(sizes[sizes > 0].mean() - 0.25) < 0.005
    assert Dropout(0.0, 0.0, None, 0).draw(100).size == 0
    assert Dropout(1.0, 0.0, None, 0).draw(100).size == 100
    assert Dropout(1.0, 1.0, None, 0).draw(100).size == 0


def test_max_drop_keeps_each_round_as_likely():
    count = np.zeros(20)
    for seed in range(2000):
        drawn = Dropout(1.0, 0.0, 3, seed).draw(20)
        assert drawn.size == 3
        count[drawn] += 1
    assert np.all(np.abs(count - 300) < 85)  # standard deviation 16


@pytest.mark.parametrize("rate", [0.1, 1.0])
@pytest.mark.parametrize("n_dropped", [0, 1, 7])
def test_factors(rate, n_dropped):
    new, old = Dropout.factors(n_dropped, rate)
    if n_dropped == 0:
        assert (new, old) == (rate, 1.0)
    else:
        # a new tree that repeats the sum of those left out leaves the whole sum as it was
        assert old == pytest.approx(n_dropped / (n_dropped + rate))
        assert new == pytest.approx(rate / (n_dropped + rate))
        assert new + old == pytest.approx(1.0)
