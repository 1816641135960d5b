"""scikit-learn's own tests of trees, run on fastml's estimators.

The test modules of the installed scikit-learn are read as text, the names of the classes are made to mean
fastml's, and pytest collects the functions here. What is left out, and why, is listed in README.md.
"""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import sklearn
from sklearn.tree import _tree

import fastml.tree

# README.md says for each why it is left out and what covers the same here.
LEFT_OUT: dict = {
    "test_tree": {
        "test_almost_constant_feature",
        "test_big_input",
        "test_build_pruned_tree_infinite_loop",
        "test_build_pruned_tree_py",
        "test_huge_allocations",
        "test_missing_value_errors",
        "test_random_splitter_missing_values_uses_non_missing_min_max",
    },
    "test_monotonic_tree": set(),
    "test_export": {
        "test_graphviz_feature_class_names_array_support",
        "test_graphviz_toy",
        "test_plot_tree_entropy",
        "test_plot_tree_gini",
        "test_precision",
    },
}

# What scikit-learn's tests call `tree`
namespace = ModuleType("tree")
vars(namespace).update({name: getattr(fastml.tree, name) for name in fastml.tree.__all__}, _tree=_tree)

_TREES = (r"from sklearn\.tree import \(", "from fastml.tree import (")
_IMPORTS = {
    "test_tree": [
        _TREES,
        (
            r"from sklearn import clone, datasets, tree\n",
            f"from sklearn import clone, datasets\nfrom {__name__} import namespace as tree\n",
        ),
    ],
    "test_monotonic_tree": [
        _TREES,
        (r"from sklearn\.ensemble import \(", "from fastml.ensemble import ("),
    ],
    "test_export": [_TREES],
}


def _tests_of(name):
    """Functions of one of scikit-learn's test modules, with the classes swapped."""
    spec = importlib.util.find_spec(f"sklearn.tree.tests.{name}")
    if spec is None:
        pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
    source = Path(spec.origin).read_text()
    for pattern, replacement in _IMPORTS[name]:
        source, n_replaced = re.subn(pattern, replacement, source)
        assert n_replaced == 1, f"{name} of scikit-learn {sklearn.__version__} imports its classes otherwise"
    module = {"__name__": f"{__name__}.{name}", "__file__": spec.origin}
    exec(compile(source, spec.origin, "exec"), module)
    tests = {key: value for key, value in module.items() if key.startswith("test_")}
    unknown = LEFT_OUT[name] - set(tests)
    assert not unknown, f"left out, but not in scikit-learn {sklearn.__version__}: {unknown}"
    return {key: value for key, value in tests.items() if key not in LEFT_OUT[name]}


for _name in LEFT_OUT:
    _found = _tests_of(_name)
    assert not set(_found) & set(globals()), "two modules have tests of one name"
    globals().update(_found)


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture: the seed that its own runs use by default."""
    return 42


@pytest.fixture
def pyplot():
    """scikit-learn's fixture: matplotlib without a screen."""
    pytest.importorskip("matplotlib").use("agg")
    plt = pytest.importorskip("matplotlib.pyplot")
    yield plt
    plt.close("all")
