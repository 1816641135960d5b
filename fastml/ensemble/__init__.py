"""Ensembles of trees."""

from fastml.ensemble.extra_trees import ExtraTreesClassifier, ExtraTreesRegressor
from fastml.ensemble.gradient_boosting import GradientBoostingClassifier, GradientBoostingRegressor
from fastml.ensemble.random_forest import RandomForestClassifier, RandomForestRegressor

__all__ = [
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
]
