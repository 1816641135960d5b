"""Classification and regression trees."""

from fastml.tree.decision_tree import DecisionTreeClassifier, DecisionTreeRegressor
from fastml.tree.export import export_graphviz, export_text, plot_tree
from fastml.tree.extra_tree import ExtraTreeClassifier, ExtraTreeRegressor
from fastml.tree.table import BinnedTable

__all__ = [
    "BinnedTable",
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ExtraTreeClassifier",
    "ExtraTreeRegressor",
    "export_graphviz",
    "export_text",
    "plot_tree",
]
