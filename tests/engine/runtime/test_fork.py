"""A process forked after OpenMP was used must not hang, and gives the same answers."""

import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
from joblib import Parallel, delayed

from fastml._engine.runtime import openmp, threads
from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._engine.tree.binning import BinMapper

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning"),
]
SECONDS = 60  # far above what a child here needs, far below for ever

DATA = np.random.default_rng(0).normal(size=(40_000, 8))


def codes_checksum(n_threads):
    """Enough work for several parallel regions."""
    mapper = BinMapper(n_threads=n_threads).fit(DATA)
    return int(mapper.transform(DATA).column_codes.sum(dtype=np.int64))


@pytest.fixture
def openmp_in_use():
    """The parent's threads exist when the test forks."""
    return codes_checksum(2)


def exit_code_of_child(work):
    """Exit code of a forked child that runs ``work``, or "hangs"."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hangs"


def may_use_threads_after_fork():
    return openmp.runtime() and openmp.release_threads()


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_child_works(openmp_in_use, n_jobs):
    assert exit_code_of_child(lambda: codes_checksum(resolve_n_jobs(n_jobs)) == openmp_in_use) == 0


def test_child_is_modest_unless_asked(openmp_in_use):
    expected = 2 if may_use_threads_after_fork() else 1

    def check():
        return resolve_n_jobs(None) == 1 and resolve_n_jobs(-1) == 1 and resolve_n_jobs(2) == expected

    assert exit_code_of_child(check) == 0


def test_child_without_releasable_threads_stays_on_one(openmp_in_use, monkeypatch):
    monkeypatch.setattr(openmp, "release_threads", lambda: False)
    assert exit_code_of_child(lambda: resolve_n_jobs(2) == 1 and codes_checksum(1) == openmp_in_use) == 0


def test_grandchild_works(openmp_in_use):
    def child():
        return codes_checksum(resolve_n_jobs(2)) == openmp_in_use and exit_code_of_child(grandchild) == 0

    def grandchild():
        return codes_checksum(resolve_n_jobs(2)) == openmp_in_use

    assert exit_code_of_child(child) == 0


def test_parent_goes_on_with_all_its_threads(openmp_in_use):
    before = resolve_n_jobs(None)
    assert exit_code_of_child(lambda: True) == 0
    assert resolve_n_jobs(None) == before
    assert not threads._forked
    assert codes_checksum(2) == openmp_in_use


def test_multiprocessing_pool(openmp_in_use):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = pool.map_async(codes_checksum, [1, 2 if may_use_threads_after_fork() else 1] * 2)
        assert results.get(timeout=SECONDS) == [openmp_in_use] * 4


def checksum_in_worker():
    return codes_checksum(resolve_n_jobs(None))


@pytest.mark.parametrize("backend", ["multiprocessing", "loky", "threading"])
def test_joblib(openmp_in_use, backend):
    results = Parallel(n_jobs=2, backend=backend, timeout=SECONDS)(
        delayed(checksum_in_worker)() for _ in range(4)
    )
    assert results == [openmp_in_use] * 4
