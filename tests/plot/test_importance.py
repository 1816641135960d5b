"""plot_importance: the right bars with the right names."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from fastml.plot import plot_importance


class Model:
    feature_names_in_ = np.array(["a", "b", "c"], dtype=object)

    def importance(self, kind, normalize):
        assert not normalize
        return {"gain": np.array([1.0, 3.0, 0.0]), "split": np.array([5, 2, 0])}[kind]


def bars(ax):
    names = [label.get_text() for label in ax.get_yticklabels()]
    return dict(zip(names, [bar.get_width() for bar in ax.patches], strict=True))


def test_bars_are_sorted_and_named():
    assert list(bars(plot_importance(Model())).items()) == [("b", 75.0), ("a", 25.0), ("c", 0.0)]
    assert list(bars(plot_importance(Model(), kind="split")).items()) == [("a", 5.0), ("b", 2.0), ("c", 0.0)]


def test_array_is_drawn_as_it_is():
    ax = plot_importance([0.5, -0.25, 0.125], feature_names=["p", "q", "r"])
    assert bars(ax) == {"p": 0.5, "r": 0.125, "q": -0.25}
    low, high = ax.get_xlim()
    assert low < -0.25
    assert high > 0.5


def test_max_features_keeps_the_largest_and_says_so():
    ax = plot_importance(np.arange(50.0), max_features=3)
    assert list(bars(ax)) == ["x49", "x48", "x47"]
    assert ax.get_title(loc="right") == "3 of 50 features"
    assert len(bars(plot_importance(np.arange(50.0), max_features=None))) == 50


def test_given_axes_are_used():
    _, ax = plt.subplots()
    assert plot_importance(Model(), ax=ax) is ax


def test_all_zero_importances_are_drawn():
    assert set(bars(plot_importance([0.0, 0.0], normalize=True)).values()) == {0.0}


def test_no_name_or_number_leaves_the_figure():
    ax = plot_importance([1.0, 12345.0], feature_names=["n" * 100, "short"])
    ax.figure.canvas.draw()
    frame = ax.figure.bbox
    for text in [*ax.get_yticklabels(), *ax.texts]:
        extent = text.get_window_extent()
        assert extent.x0 >= frame.x0
        assert extent.x1 <= frame.x1


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([[1.0]], {}, "vector of finite"),
        ([np.nan], {}, "vector of finite"),
        ([], {}, "vector of finite"),
        ([1.0, 2.0], {"feature_names": ["a"]}, "feature_names"),
        ([1.0, 2.0], {"max_features": 0}, "max_features"),
    ],
)
def test_wrong_arguments_are_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        plot_importance(values, **options)
