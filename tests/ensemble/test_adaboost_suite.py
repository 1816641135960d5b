"""scikit-learn's own tests of AdaBoost, run on fastml's estimators.

The test module of the installed scikit-learn is read as text, the names of the classes are made to mean
fastml's, members that are trees too, and pytest collects the functions here. None is left out.
"""

import importlib.util
import re
from pathlib import Path

import pytest
import sklearn

_SWAPS = {
    r"from sklearn\.ensemble import AdaBoostClassifier, AdaBoostRegressor": "from fastml.ensemble import "
    "AdaBoostClassifier, AdaBoostRegressor",
    r"from sklearn\.tree import DecisionTreeClassifier, DecisionTreeRegressor": "from fastml.tree import "
    "DecisionTreeClassifier, DecisionTreeRegressor",
}


def _tests():
    """Functions of scikit-learn's test module, with the classes swapped."""
    spec = importlib.util.find_spec("sklearn.ensemble.tests.test_weight_boosting")
    if spec is None:
        pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
    source = Path(spec.origin).read_text()
    for theirs, ours in _SWAPS.items():
        source, n_replaced = re.subn(theirs, ours, source)
        assert n_replaced == 1, f"scikit-learn {sklearn.__version__} imports its classes otherwise"
    module = {"__name__": f"{__name__}.test_weight_boosting", "__file__": spec.origin}
    exec(compile(source, spec.origin, "exec"), module)
    return {key: value for key, value in module.items() if key.startswith("test_")}


globals().update(_tests())


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture: the seed that its own runs use by default."""
    return 42
