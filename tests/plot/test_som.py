"""Pictures of maps: what is drawn where."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from sklearn.datasets import load_iris

from fastml.cluster import SOM, SOMClassifier
from fastml.plot.som import (
    plot_component_planes,
    plot_hits,
    plot_label_map,
    plot_map,
    plot_region_borders,
    plot_trajectory,
    plot_u_matrix,
)

DATA = load_iris(as_frame=True)
X, Y = DATA.data, DATA.target


def fitted(**options):
    return SOM(4, 5, max_iter=5, n_clusters=3, **options).fit(X)


def cells(ax):
    return next(c for c in ax.collections if isinstance(c, PolyCollection))


@pytest.mark.parametrize(("topology", "corners"), [("rectangular", 4), ("hexagonal", 6)])
def test_nodes_are_squares_or_hexagons_that_tile_the_map(topology, corners):
    som = fitted(topology=topology)
    ax = plot_map(som, np.arange(20.0))
    shapes = [path.vertices[:corners] for path in cells(ax).get_paths()]
    assert len(shapes) == 20
    np.testing.assert_allclose([s.mean(axis=0) for s in shapes], som.grid_.positions, atol=1e-12)
    np.testing.assert_allclose([_area(s) for s in shapes], som.grid_.row_step)  # no gaps, no overlaps
    low, high = ax.get_ylim()
    assert low > high  # node 0 at the upper left


def _area(s):
    x, y = s.T
    return 0.5 * abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())


def test_values_and_colours_of_nodes():
    som = fitted()
    np.testing.assert_array_equal(cells(plot_map(som, np.arange(20.0))).get_array(), np.arange(20.0))
    faces = cells(plot_map(som, np.full((20, 3), 0.25))).get_facecolor()
    np.testing.assert_allclose(faces[:, :3], 0.25)
    with pytest.raises(ValueError, match="one for each of 20 nodes"):
        plot_map(som, np.ones(7))


def test_a_map_of_three_columns_takes_values_for_numbers():
    som = SOM(5, 3, max_iter=2).fit(X)
    assert cells(plot_map(som, np.arange(15.0).reshape(5, 3))).get_array().size == 15


def test_given_axes_are_used():
    som = fitted(topology="hexagonal")
    labels, votes = som.label_map(X, Y)
    for draw in (
        lambda ax: plot_u_matrix(som, ax=ax),
        lambda ax: plot_u_matrix(som, edges=False, ax=ax, title="U"),
        lambda ax: plot_hits(som, ax=ax, title="hits"),
        lambda ax: plot_label_map(som, labels, votes=votes, ax=ax),
        lambda ax: plot_region_borders(som, ax=ax),
        lambda ax: plot_trajectory(som, X[:10], ax=ax),
    ):
        _, ax = plt.subplots()
        assert draw(ax) is ax
        assert ax.collections or ax.lines


@pytest.mark.parametrize("surface", ["planar", "cylindrical", "toroidal"])
def test_u_matrix_and_ways_of_closed_maps(surface):
    som = fitted(surface=surface)
    ax = plot_u_matrix(som)
    rhombs = [c for c in ax.collections if isinstance(c, PolyCollection)][1]
    assert len(rhombs.get_array()) == 4 * 4 + 3 * 5  # sides that two nodes share; none across the seam
    ax = plot_trajectory(som, X[::10])
    (way,) = (c for c in ax.collections if isinstance(c, LineCollection))
    longest = max(np.abs(np.diff(line, axis=0)).max() for line in way.get_segments())
    if surface == "toroidal":
        assert longest <= 2.5 + 0.4


def test_hits_are_areas():
    som = fitted()
    hits = np.zeros((4, 5))
    hits[0, 0], hits[1, 1] = 4, 1
    marks = plot_hits(som, hits).collections[-1].get_paths()
    areas = np.array([_area(path.vertices[:4]) for path in marks])
    assert areas[0] == pytest.approx(4 * areas[6]) and np.count_nonzero(areas) == 2
    with pytest.raises(ValueError, match="one for each of 20 nodes"):
        plot_hits(som, np.ones(3))


def test_borders_lie_between_regions():
    som = fitted()
    regions = np.zeros((4, 5), dtype=int)
    regions[:, 3:] = 1
    (lines,) = (c for c in plot_region_borders(som, regions).collections if isinstance(c, LineCollection))
    assert len(lines.get_segments()) == 4
    assert {round(x, 6) for line in lines.get_segments() for x in line[:, 0]} == {2.5}


def test_component_planes_have_names():
    som = fitted()
    axes = plot_component_planes(som)
    assert [ax.get_title() for ax in axes] == list(X.columns)
    (ax,) = plot_component_planes(som, ["petal width (cm)"])
    np.testing.assert_array_equal(cells(ax).get_array(), som.component_planes()[3].ravel())
    with pytest.raises(ValueError, match="no feature 'height'"):
        plot_component_planes(som, ["height"])
    with pytest.raises(ValueError, match="1 axes for 4"):
        plot_component_planes(som, axes=[ax])


def test_labels_are_written_or_in_a_legend():
    som = SOMClassifier(4, 5, max_iter=5).fit(X, Y)
    labels, _ = som.label_map(X, Y)
    known = [label for label in labels.ravel() if label is not None]
    assert sorted(text.get_text() for text in plot_label_map(som, labels).texts) == sorted(map(str, known))
    names, _ = som.label_map(X, DATA.target_names[Y])
    ax = plot_label_map(som, names)
    assert not ax.texts
    assert {text.get_text() for text in ax.get_legend().get_texts()} == set(DATA.target_names)
