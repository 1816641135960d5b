"""scikit-learn's own tests of forests, run on fastml's estimators.

The test module of the installed scikit-learn is read as text, the names of the classes are made to mean
fastml's, and pytest collects the functions here. What is left out, and why, is listed in README.md.
"""

import importlib.util
import re
from pathlib import Path

import pytest
import sklearn

# README.md says for each why it is left out and what covers the same here.
LEFT_OUT = {
    "test_backend_respected",
    "test_forest_multioutput_integral_regression_target",
    "test_mse_criterion_object_segfault_smoke_test",
    "test_random_hasher",
    "test_random_hasher_sparse_data",
    "test_random_trees_dense_equal",
    "test_random_trees_dense_type",
    "test_random_trees_embedding_feature_names_out",
    "test_random_trees_embedding_raise_error_oob",
    "test_validate_y_class_weight",
}

_CLASSES = (
    r"from sklearn\.ensemble import \(\s*ExtraTreesClassifier,\s*ExtraTreesRegressor,\s*"
    r"RandomForestClassifier,\s*RandomForestRegressor,\s*RandomTreesEmbedding,\s*\)"
)
_OURS = (
    "from fastml.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, "
    "RandomForestRegressor\nfrom sklearn.ensemble import RandomTreesEmbedding"
)


def _tests():
    """Functions of scikit-learn's test module, with the classes swapped."""
    spec = importlib.util.find_spec("sklearn.ensemble.tests.test_forest")
    if spec is None:
        pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
    source, n_replaced = re.subn(_CLASSES, _OURS, Path(spec.origin).read_text())
    assert n_replaced == 1, f"test_forest of scikit-learn {sklearn.__version__} imports its classes otherwise"
    source = source.replace("@pytest.mark.thread_unsafe\n", "")  # a mark that only scikit-learn's runs know
    module = {"__name__": f"{__name__}.test_forest", "__file__": spec.origin}
    exec(compile(source, spec.origin, "exec"), module)
    tests = {key: value for key, value in module.items() if key.startswith("test_")}
    unknown = LEFT_OUT - set(tests)
    assert not unknown, f"left out, but not in scikit-learn {sklearn.__version__}: {unknown}"
    return {key: value for key, value in tests.items() if key not in LEFT_OUT}


globals().update(_tests())


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture: the seed that its own runs use by default."""
    return 42
