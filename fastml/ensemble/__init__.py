"""Ensembles of trees."""

from fastml.ensemble.adaboost import AdaBoostClassifier, AdaBoostRegressor
from fastml.ensemble.extra_trees import ExtraTreesClassifier, ExtraTreesRegressor
from fastml.ensemble.gradient_boosting import GradientBoostingClassifier, GradientBoostingRegressor
from fastml.ensemble.random_forest import RandomForestClassifier, RandomForestRegressor

__all__ = [
    "AdaBoostClassifier",
    "AdaBoostRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
]
