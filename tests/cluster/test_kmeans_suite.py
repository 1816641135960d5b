"""scikit-learn's own tests of k-means, run on fastml's estimators.

The test module of the installed scikit-learn is read as text, the names of the classes are made to mean
fastml's, and pytest collects the functions here. What is left out, and why, is listed in README.md.
"""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn

# README.md says for each why it is left out and what covers the same here.
LEFT_OUT = {
    "test_euclidean_distance",
    "test_inertia",
    "test_is_same_clustering",
    "test_k_means_function",
    "test_kmeans_plusplus_dataorder",
    "test_kmeans_plusplus_norms",
    "test_kmeans_plusplus_output",
    "test_kmeans_plusplus_wrong_params",
    "test_minibatch_reassign",
    "test_minibatch_update_consistency",
    "test_relocate_empty_clusters",
    "test_sample_weight_init",
    "test_sample_weight_zero",
}

_THEIRS = r"from sklearn\.cluster import KMeans, MiniBatchKMeans, k_means, kmeans_plusplus\n"
_OURS = """\
from fastml.cluster import KMeans, MiniBatchKMeans
from sklearn.cluster import k_means, kmeans_plusplus
"""


def _tests():
    spec = importlib.util.find_spec("sklearn.cluster.tests.test_k_means")
    if spec is None:
        pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
    source, n_replaced = re.subn(_THEIRS, _OURS, Path(spec.origin).read_text())
    assert n_replaced == 1, f"scikit-learn {sklearn.__version__} imports its classes otherwise"
    module = {"__name__": f"{__name__}.test_k_means", "__file__": spec.origin}
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


@pytest.fixture(params=[np.float32, np.float64])
def global_dtype(request):
    """scikit-learn's fixture."""
    return request.param
