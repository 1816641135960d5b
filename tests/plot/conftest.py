"""Pictures are drawn without a screen and closed after each test; without matplotlib there are no tests."""

import importlib.util

import pytest

if importlib.util.find_spec("matplotlib") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    import matplotlib

    matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
