"""Measuring processes end with all that they have started."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are in the source tree only")

from benchmarks import process

MODULE = """
import os, subprocess, sys, time

def threads():
    print(os.environ["OMP_NUM_THREADS"], os.environ["NUMBA_NUM_THREADS"])

def starts_another(file):
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with open(file, "w") as told:
        told.write(str(other.pid))
    time.sleep(60)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "made_up_measure.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "made_up_measure"


def test_all_libraries_are_told_the_number_of_threads(module):
    assert process.output(f"{module}:threads", threads=3) == "3 3\n"


def running(pid):
    """Whether a process of this number is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_a_process_has_started_ends_with_its_time(module, tmp_path):
    file = tmp_path / "pid"
    with pytest.raises(subprocess.TimeoutExpired):
        process.output(f"{module}:starts_another", str(file), threads=1, limit=3)
    end = time.monotonic() + 30
    while running(file.read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not running(file.read_text())
