"""Every parameter of trees and forests is documented where it belongs."""

import inspect
from itertools import pairwise

import pytest

from fastml.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from fastml.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

ALL = [
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
]


@pytest.mark.parametrize("cls", ALL)
def test_docstring_has_all_parameters_and_their_defaults(cls):
    section = inspect.getdoc(cls).split("Parameters\n----------\n")[1].split("\n\n")[0].split("\n")
    titles = {line.split(" : ")[0]: line for line in section if not line.startswith(" ")}
    for name, parameter in inspect.signature(cls).parameters.items():
        default = repr(parameter.default).replace("'", '"')
        assert titles.pop(name).endswith(f"default={default}"), name
    assert not titles
    after_title = [b for a, b in pairwise(section) if not a.startswith(" ")]
    assert all(line.startswith("    ") for line in after_title)


@pytest.mark.parametrize("cls", ALL)
def test_parameters_are_those_of_scikit_learn_and_more(cls):
    import sklearn.ensemble
    import sklearn.tree

    module = sklearn.tree if hasattr(sklearn.tree, cls.__name__) else sklearn.ensemble
    theirs = inspect.signature(getattr(module, cls.__name__)).parameters
    ours = inspect.signature(cls).parameters
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default and ours[name].kind == parameter.kind, name
    assert set(ours) - set(theirs) <= {"n_jobs", "categorical_features", "max_bins", "exact", "leaf_targets"}
