"""plot_shap: the right features in the right order, from either kind of explanation."""

import numpy as np
import pytest

from fastml.inspection import Explanation
from fastml.plot import plot_shap


def explanation(n_rows=200, n_outputs=None):
    rng = np.random.default_rng(0)
    shape = (n_rows, 3) if n_outputs is None else (n_rows, 3, n_outputs)
    scale = np.array([1.0, 5.0, 0.1])
    values = rng.standard_normal(shape) * (scale if n_outputs is None else scale[:, None])
    data = rng.standard_normal((n_rows, 3))
    data[::7, 0] = np.nan
    outputs = None if n_outputs is None else ["p", "q", "r"][:n_outputs]
    return Explanation(values, np.zeros(n_rows), data, ["a", "b", "c"], outputs)


def labels(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


@pytest.mark.parametrize("kind", ["swarm", "bar"])
def test_features_are_sorted(kind):
    e = explanation()
    assert labels(plot_shap(e, kind=kind)) == ["b", "a", "c"]
    assert labels(plot_shap(e, kind=kind, max_features=2)) == ["b", "a"]


def test_points_are_the_values():
    e = explanation()
    ax = plot_shap(e)
    for place, j in enumerate((1, 0, 2)):
        points = ax.collections[place].get_offsets()
        np.testing.assert_array_equal(points[:, 0], e.values[:, j])
        assert np.abs(points[:, 1] - place).max() < 0.5


def test_rows_without_cells_names_or_spread():
    e = explanation()
    e.data = e.feature_names = None
    assert labels(plot_shap(e)) == ["x1", "x0", "x2"]
    e = Explanation(np.zeros((4, 2)), None, np.array([["u", 1], ["v", 2], ["u", 3], [None, 4]], dtype=object))
    assert labels(plot_shap(e)) == ["x0", "x1"]
    plot_shap(Explanation(np.ones((1, 2)), None, np.ones((1, 2))))


def test_one_of_several_outputs():
    e = explanation(n_outputs=3)
    for output in (1, "q"):
        ax = plot_shap(e, output=output)
        np.testing.assert_array_equal(ax.collections[0].get_offsets()[:, 0], e.values[:, 1, 1])
    for output in (None, 3, "s"):
        with pytest.raises(ValueError, match="output"):
            plot_shap(e, output=output)


def test_wrong_input():
    with pytest.raises(ValueError, match="kind"):
        plot_shap(explanation(), kind="pie")
    with pytest.raises(ValueError, match="max_features"):
        plot_shap(explanation(), max_features=0)
    with pytest.raises(ValueError, match="shape"):
        plot_shap(Explanation(np.zeros((0, 3))))
