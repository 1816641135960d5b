"""Pictures of fitted models, drawn with matplotlib (``pip install "fastml[plot]"``).

Every function draws into the axes that it is given, or into a new figure, and returns the axes.
"""

from fastml.plot.importance import plot_importance
from fastml.plot.learning_curve import plot_learning_curve
from fastml.plot.mixture import plot_mixture, plot_selection
from fastml.plot.shap import plot_shap
from fastml.plot.states import plot_states
from fastml.plot.topics import plot_topics
from fastml.plot.tree import plot_tree

__all__ = [
    "plot_importance",
    "plot_learning_curve",
    "plot_mixture",
    "plot_selection",
    "plot_shap",
    "plot_states",
    "plot_topics",
    "plot_tree",
]
