"""Pictures of the states of a sequence."""

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

from fastml.plot import plot_states  # noqa: E402


def test_bands_follow_the_states():
    ax = plot_states(np.arange(6.0), np.array([1, 1, 0, 0, 0, 2]), names=["a", "b", "c"])
    spans = [patch.get_x() for patch in ax.patches]
    assert spans == [-0.5, 1.5, 4.5]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "c"]
    assert plot_states(np.zeros((6, 2)), np.zeros(6, int), feature=1, ax=ax) is ax


@pytest.mark.parametrize(
    ("X", "states", "options"),
    [
        (np.zeros(3), [0, 1], {}),
        (np.zeros(2), [0, -1], {}),
        (np.zeros(2), [0.5, 1], {}),
        (np.zeros(2), [0, 1], {"names": ["a"]}),
        (np.zeros((2, 1)), [0, 1], {"feature": 1}),
    ],
)
def test_bad_input(X, states, options):
    with pytest.raises(ValueError):
        plot_states(X, states, **options)
