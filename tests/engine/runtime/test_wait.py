"""What GNU's OpenMP runtime is told about waiting, and that nobody else is."""

import os
import subprocess
import sys

import pytest

from fastml._engine.runtime import openmp
from fastml._engine.runtime.wait import short_waits

gnu = pytest.mark.skipif(openmp.runtime() != "libgomp", reason="not GNU's OpenMP runtime")


def imported(**environment):
    """What the runtime says of itself while fastml is imported, and what is in the environment afterwards."""
    code = "import os, fastml; print('left:', os.environ.get('GOMP_SPINCOUNT'))"
    base = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=base | {"OMP_DISPLAY_ENV": "verbose"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr, done.stdout


@gnu
def test_threads_go_to_sleep_soon():
    told, left = imported()
    if "GOMP_SPINCOUNT" not in told:
        pytest.skip("this runtime does not tell")
    assert "GOMP_SPINCOUNT = '2000'" in told
    assert "left: None" in left


@gnu
def test_the_users_word_counts():
    told, left = imported(GOMP_SPINCOUNT="77")
    assert "GOMP_SPINCOUNT = '2000'" not in told
    assert "left: 77" in left
    told, left = imported(OMP_WAIT_POLICY="active")
    assert "GOMP_SPINCOUNT = '2000'" not in told
    assert "left: None" in left


def test_the_environment_is_put_back_after_an_error(monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with pytest.raises(ImportError), short_waits():
        assert os.environ["GOMP_SPINCOUNT"] == "2000"
        raise ImportError
    assert "GOMP_SPINCOUNT" not in os.environ
