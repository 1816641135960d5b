"""plot_topics: the right words in the right axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from fastml.plot import plot_topics

COMPONENTS = np.array([[1.0, 3.0, 0.0, 4.0], [8.0, 1.0, 1.0, 6.0], [0.0, 1.0, 2.0, 1.0]])


class Model:
    components_ = COMPONENTS
    feature_names_in_ = np.array(["a", "b", "c", "d"], dtype=object)


def bars(ax):
    names = [label.get_text() for label in ax.get_yticklabels()]
    return dict(zip(names, [bar.get_width() for bar in ax.patches], strict=True))


def test_largest_topic_first_and_its_words():
    axes = plot_topics(Model(), n_words=2)
    assert [ax.get_title(loc="left") for ax in axes] == [
        "topic 1, 57.1 %",
        "topic 0, 28.6 %",
        "topic 2, 14.3 %",
    ]
    assert bars(axes[0]) == {"a": 50.0, "d": 37.5}
    assert bars(axes[2]) == {"c": 50.0, "b": 25.0}


def test_chosen_topics_names_and_titles():
    axes = plot_topics(COMPONENTS, topics=[2, 0], titles=["x", "y"], feature_names=list("efgh"), n_words=1)
    assert [ax.get_title(loc="left") for ax in axes] == ["x", "y"]
    assert [list(bars(ax)) for ax in axes] == [["g"], ["h"]]
    assert list(bars(plot_topics(COMPONENTS, n_words=9)[0])) == ["0", "3", "1", "2"]


def test_given_axes_are_used():
    _, grid = plt.subplots(2, 2)
    axes = plot_topics(Model(), axes=grid)
    assert len(axes) == 3 and axes[0] is grid[0, 0]


@pytest.mark.parametrize("n_topics", [1, 4, 7, 23])
def test_nothing_leaves_the_figure(n_topics):
    rng = np.random.default_rng(0)
    names = ["w" * length for length in range(1, 41)]
    axes = plot_topics(rng.gamma(0.3, size=(n_topics, 40)), feature_names=names)
    figure = axes[0].figure
    assert len(figure.axes) == n_topics
    figure.canvas.draw()
    for ax in axes:
        for text in ax.get_yticklabels():
            extent = text.get_window_extent()
            assert extent.x0 >= figure.bbox.x0 and extent.x1 <= figure.bbox.x1


@pytest.mark.parametrize(
    ("components", "options", "message"),
    [
        ([1.0, 2.0], {}, "a row for each topic"),
        ([[np.nan]], {}, "finite"),
        (COMPONENTS, {"n_words": 0}, "n_words"),
        (COMPONENTS, {"topics": [3]}, "from 0 to 2"),
        (COMPONENTS, {"topics": []}, "from 0 to 2"),
        (COMPONENTS, {"feature_names": ["a"]}, "feature_names"),
        (COMPONENTS, {"titles": ["a"]}, "titles"),
        (COMPONENTS, {"axes": []}, "axes"),
    ],
)
def test_wrong_arguments_are_refused(components, options, message):
    with pytest.raises(ValueError, match=message):
        plot_topics(components, **options)
