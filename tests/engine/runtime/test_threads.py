"""n_jobs: what it means, what limits it, and that a forked child never hangs."""

import concurrent.futures
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from fastml._engine.runtime import openmp, threads
from fastml._engine.runtime.threads import cgroup_quota, resolve_n_jobs

needs_openmp = pytest.mark.skipif(not openmp.runtime(), reason="this build has no OpenMP")


@pytest.fixture
def four_cores(monkeypatch):
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)


@needs_openmp
@pytest.mark.parametrize(
    ("n_jobs", "expected"),
    [
        (None, 4),
        (-1, 4),
        (-2, 3),
        (-4, 1),
        (-5, 1),
        (-100, 1),
        (1, 1),
        (3, 3),
        (64, 64),
        (np.int32(2), 2),
        (10**9, 1024),
    ],
)
def test_meaning_of_n_jobs(four_cores, n_jobs, expected):
    assert resolve_n_jobs(n_jobs) == expected


def test_zero_is_an_error():
    with pytest.raises(ValueError, match="n_jobs=0"):
        resolve_n_jobs(0)


@pytest.mark.parametrize("wrong", [1.0, "2", True, [1]])
def test_other_types_are_errors(wrong):
    with pytest.raises(TypeError, match="n_jobs must be an integer or None"):
        resolve_n_jobs(wrong)


@needs_openmp
def test_threadpoolctl_limit_is_respected():
    with threadpool_limits(1):
        assert resolve_n_jobs(None) == 1
        assert resolve_n_jobs(3) == 3
    with threadpool_limits(1, user_api="blas"):
        assert resolve_n_jobs(None) == threads.usable_cores()


@needs_openmp
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity calls")
def test_affinity_is_respected():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from fastml._engine.runtime.threads import resolve_n_jobs; print(resolve_n_jobs())"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "1"


@needs_openmp
@pytest.mark.parametrize("value", ["1", "64"])
def test_omp_num_threads_lowers_but_does_not_raise(value):
    code = "from fastml._engine.runtime import threads; print(threads.resolve_n_jobs(), threads._affinity())"
    environment = {**os.environ, "OMP_NUM_THREADS": value}
    output = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    resolved, affinity = map(int, output.split())
    assert resolved == 1 if value == "1" else resolved <= affinity


class TestCgroupQuota:
    def files(self, root, files):
        for path, text in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return cgroup_quota(str(root))

    def test_version_2(self, tmp_path):
        files = {"proc/self/cgroup": "0::/pod\n", "sys/fs/cgroup/pod/cpu.max": "150000 100000\n"}
        assert self.files(tmp_path, files) == 1.5

    def test_version_2_least_of_the_ancestors(self, tmp_path):
        files = {
            "proc/self/cgroup": "0::/pod/inner\n",
            "sys/fs/cgroup/pod/inner/cpu.max": "max 100000\n",
            "sys/fs/cgroup/pod/cpu.max": "300000 100000\n",
            "sys/fs/cgroup/cpu.max": "800000 100000\n",
        }
        assert self.files(tmp_path, files) == 3.0

    def test_version_2_seen_from_inside_the_container(self, tmp_path):
        files = {"proc/self/cgroup": "0::/outer/name\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}
        assert self.files(tmp_path, files) == 0.5

    def test_version_1(self, tmp_path):
        files = {
            "proc/self/cgroup": "5:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us": "200000\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_period_us": "100000\n",
        }
        assert self.files(tmp_path, files) == 2.0

    @pytest.mark.parametrize("text", ["max 100000", "", "junk", "100000", "-1 100000", "100000 0"])
    def test_no_limit_or_nonsense(self, tmp_path, text):
        files = {"proc/self/cgroup": "0::/\nnonsense\n", "sys/fs/cgroup/cpu.max": text}
        assert self.files(tmp_path, files) is None

    def test_version_1_without_limit(self, tmp_path):
        files = {
            "proc/self/cgroup": "4:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        }
        assert self.files(tmp_path, files) is None

    def test_not_linux(self, tmp_path):
        assert cgroup_quota(str(tmp_path)) is None

    @needs_openmp
    @pytest.mark.parametrize(("quota", "expected"), [(0.5, 1), (1.5, 2), (None, 8), (99.0, 8)])
    def test_quota_is_rounded_up_and_bounds_the_cores(self, monkeypatch, quota, expected):
        monkeypatch.setattr(threads, "cgroup_quota", lambda: quota)
        monkeypatch.setattr(threads, "_affinity", lambda: 8)
        monkeypatch.setattr(openmp, "thread_limit", lambda: 8)
        assert resolve_n_jobs(None) == expected


def resolved(_):
    return resolve_n_jobs(None), threading.current_thread() is threading.main_thread()


@needs_openmp
def test_joblib_threads_share_the_cores(monkeypatch):
    monkeypatch.setattr(threads, "_affinity", lambda: 8)
    inside = Parallel(n_jobs=2, backend="threading")(delayed(resolved)(i) for i in range(4))
    assert inside == [(1, False)] * 4


@needs_openmp
def test_a_plain_thread_is_no_joblib_worker(monkeypatch):
    monkeypatch.setattr(threads, "_affinity", lambda: 2)
    monkeypatch.setattr(threads, "cgroup_quota", lambda: None)
    monkeypatch.setattr(openmp, "thread_limit", lambda: 2)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(resolve_n_jobs).result() == 2


def test_joblib_processes_divide_the_cores():
    cores = threads.usable_cores()
    inside = Parallel(n_jobs=2, backend="loky")(delayed(resolve_n_jobs)() for _ in range(2))
    assert all(n <= max(1, cores // 2) for n in inside)
