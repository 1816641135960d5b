"""plot_mixture and plot_selection: the right ellipses, the right curves."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Ellipse

from fastml.mixture import GaussianMixture, select_mixture
from fastml.plot import plot_mixture, plot_selection

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(size=(100, 3)) * [3, 1, 1], 9 + RNG.normal(size=(100, 3))])


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_ellipses(covariance_type):
    model = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    ax = plot_mixture(model, X, features=(0, 2), levels=(1.0, 2.0))
    shapes = [patch for patch in ax.patches if isinstance(patch, Ellipse)]
    assert len(shapes) == 4
    for shape in shapes[::2]:
        assert min(np.abs(model.means_[:, [0, 2]] - shape.center).sum(axis=1)) < 1e-9
    assert shapes[1].width == pytest.approx(2 * shapes[0].width)
    if covariance_type == "diag":
        sizes = sorted([shapes[0].width, shapes[0].height])
        expected = [2 * np.sqrt(v) for v in model.covariances_[:, [0, 2]]]
        assert any(np.allclose(sizes, sorted(e)) for e in expected)
    assert ax.get_xlabel() == "x0" and ax.get_ylabel() == "x2"


def test_features_must_be_two():
    model = GaussianMixture().fit(X)
    for features in [(0, 0), (0, 3), (0,)]:
        with pytest.raises(ValueError, match="two different numbers from 0 to 2"):
            plot_mixture(model, features=features)


def test_curves():
    choice = select_mixture(X, [1, 2, 3], ["full", "diag"], estimator=GaussianMixture(random_state=0))
    _, axes = plt.subplots()
    ax = plot_selection(choice, ax=axes)
    assert ax is axes
    lines = {line.get_label(): line.get_ydata().tolist() for line in ax.lines if line.get_label()[0] != "_"}
    assert lines == {"full": choice.scores[0].tolist(), "diag": choice.scores[1].tolist()}
    assert ax.get_ylabel() == "BIC"
    assert [text.get_text() for text in ax.texts] == [f"best: 2, {choice.best_.covariance_type}"]
