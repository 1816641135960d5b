"""scikit-learn's own tests of mixtures, run on fastml's estimators.

The test modules of the installed scikit-learn are read as text, the names of the classes are made to mean
fastml's, and pytest collects the functions here. What is left out, and why, is listed in README.md.
"""

import importlib.util
import inspect
import itertools
import re
import types
from pathlib import Path

import numpy as np
import pytest
import sklearn

# README.md says for each why it is left out and what covers the same here.
LEFT_OUT: dict = {
    "test_gaussian_mixture": {
        "test_check_weights",
        "test_compute_log_det_cholesky",
        "test_gaussian_mixture_all_init_does_not_estimate_gaussian_parameters",
        "test_gaussian_mixture_array_api_compliance",
        "test_gaussian_mixture_log_probabilities",
        "test_gaussian_mixture_precisions_init",
        "test_gaussian_mixture_raises_where_array_api_not_implemented",
        "test_gaussian_suffstat_sk_spherical",
        "test_suffstat_sk_diag",
        "test_suffstat_sk_full",
        "test_suffstat_sk_tied",
    },
    "test_bayesian_mixture": {
        "test_compare_covar_type",
        "test_log_dirichlet_norm",
        "test_log_wishart_norm",
    },
    "test_mixture": set(),
}
_SWAPS = {
    "test_gaussian_mixture": [
        (r"from sklearn\.mixture import GaussianMixture\n", "from fastml.mixture import GaussianMixture\n")
    ],
    "test_bayesian_mixture": [
        (
            r"from sklearn\.mixture import BayesianGaussianMixture\n",
            "from fastml.mixture import BayesianGaussianMixture\n",
        )
    ],
    "test_mixture": [(r"from sklearn\.mixture import", "from fastml.mixture import")],
}


def _tests_of(name):
    """Functions of one of scikit-learn's test modules, with the classes swapped, by names of their own."""
    spec = importlib.util.find_spec(f"sklearn.mixture.tests.{name}")
    if spec is None:
        pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
    source = Path(spec.origin).read_text()
    for pattern, replacement in _SWAPS[name]:
        source, n_replaced = re.subn(pattern, replacement, source)
        assert n_replaced == 1, f"{name} of scikit-learn {sklearn.__version__} imports its classes otherwise"
    module = {"__name__": f"{__name__}.{name}", "__file__": spec.origin}
    exec(compile(source, spec.origin, "exec"), module)
    tests = {key: value for key, value in module.items() if key.startswith("test_")}
    unknown = LEFT_OUT[name] - set(tests)
    assert not unknown, f"left out, but not in scikit-learn {sklearn.__version__}: {unknown}"
    kept = {key: value for key, value in tests.items() if key not in LEFT_OUT[name]}
    idle = [key for key, value in kept.items() if not _uses_a_mixture(value)]
    assert not idle, f"these tests of scikit-learn {sklearn.__version__} cannot fail for our classes: {idle}"
    return {f"{name}_{key[5:]}": value for key, value in kept.items()}


def _uses_a_mixture(test):
    """Whether a test names one of the classes, or is handed an estimator."""
    code = inspect.unwrap(test).__code__
    return "estimator" in code.co_varnames[: code.co_argcount] or any("Mixture" in n for n in _names(code))


def _names(code):
    """Global names and attributes that code and the functions in it look up."""
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return {*code.co_names, *itertools.chain.from_iterable(map(_names, inner))}


for _name in LEFT_OUT:
    globals().update(_tests_of(_name))


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture: the seed that its own runs use by default."""
    return 42


@pytest.fixture(params=[np.float64, np.float32], ids=["float64", "float32"])
def global_dtype(request):
    """scikit-learn's fixture: both types."""
    return request.param
