"""scikit-learn's own tests of latent Dirichlet allocation, run on fastml's.

The test module of the installed scikit-learn is read as text, the name of the class is made to mean fastml's,
and pytest collects the functions here. What is left out, and why, is listed in README.md.
"""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn

# README.md says for each why it is left out and what covers the same here.
LEFT_OUT = {"test_dirichlet_expectation", "test_lda_preplexity_mismatch"}


def _tests():
    """Functions of scikit-learn's test module, with the class swapped."""
    spec = importlib.util.find_spec("sklearn.decomposition.tests.test_online_lda")
    if spec is None:
        pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
    theirs = r"from sklearn\.decomposition import LatentDirichletAllocation\n"
    source, n_replaced = re.subn(
        theirs,
        "from fastml.decomposition import LatentDirichletAllocation\n",
        Path(spec.origin).read_text(),
    )
    assert n_replaced == 1, f"scikit-learn {sklearn.__version__} imports its class otherwise"
    source = re.sub(r"@pytest\.mark\.thread_unsafe.*\n", "", source)  # a mark of its own configuration
    module = {"__name__": f"{__name__}.test_online_lda", "__file__": spec.origin}
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
    """scikit-learn's fixture: both types."""
    return request.param
