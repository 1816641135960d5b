"""Without matplotlib every picture says what to install."""

import sys

import pytest

from fastml._engine.tree.forest import Forest
from fastml.plot import plot_importance, plot_learning_curve, plot_tree


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plot_importance([1.0]),
        lambda: plot_learning_curve({"training": {"loss": [1.0]}}),
        lambda: plot_tree(Forest(1)),
    ],
)
def test_missing_matplotlib_is_explained(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"fastml\[plot\]"):
        draw()
