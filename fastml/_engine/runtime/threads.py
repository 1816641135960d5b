"""How many threads a call may use."""

import math
import operator
import os
import sys
import threading
from functools import cache
from pathlib import Path

from fastml._engine.runtime import openmp

# More threads than this are never started: far above it the OpenMP runtime runs out of stack for its table.
_MOST_THREADS = 1024

# GNU's OpenMP runtime hangs in a forked child when it asks for threads that only its parent had. So the
# parent ends its idle threads before it forks; where the runtime cannot do that, a child stays on one thread.
_forked = False
_fork_is_safe = True


def _before_fork():
    global _fork_is_safe
    _fork_is_safe = openmp.release_threads()


def _after_fork_in_child():
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)


def resolve_n_jobs(n_jobs=None):
    """Number of threads that a call with this ``n_jobs`` uses.

    Parameters
    ----------
    n_jobs : int or None
        None or -1: all cores that the process may use, which is the least of its CPU affinity, its
        container's (cgroup v1 or v2) CPU quota, ``OMP_NUM_THREADS`` and the limit set with
        ``threadpoolctl``; one in a forked child process and inside a joblib worker thread, whose
        neighbours use the other cores. A positive number: so many threads (at most 1024), whatever the
        machine has. -2: all but one, -3: all but two, and so on, at least one.

    Returns
    -------
    int
        At least 1. Always 1 in a build without OpenMP, and in a forked child process whose OpenMP runtime
        cannot start threads after a fork. The number of threads never changes a result, only the time.

    Raises
    ------
    ValueError
        If ``n_jobs`` is 0.
    TypeError
        If ``n_jobs`` is neither None nor an integer.
    """
    if n_jobs is None:
        n_jobs = -1
    if isinstance(n_jobs, bool):
        raise TypeError(f"n_jobs must be an integer or None, got {n_jobs!r}")
    try:
        wanted = operator.index(n_jobs)
    except TypeError:
        raise TypeError(f"n_jobs must be an integer or None, got {n_jobs!r}") from None
    if wanted == 0:
        raise ValueError("n_jobs=0 has no meaning; use None or -1 for all cores, or a positive number")
    if not openmp.runtime() or (_forked and not _fork_is_safe):
        return 1
    if wanted > 0:
        return min(wanted, _MOST_THREADS)
    return max(1, usable_cores() + 1 + wanted)


def usable_cores():
    """Cores that this thread may keep busy now (see ``resolve_n_jobs``)."""
    if _forked or _in_joblib_thread():
        return 1
    quota = cgroup_quota()
    cores = min(_affinity(), openmp.thread_limit())
    return max(1, cores if quota is None else min(cores, math.ceil(quota)))


def _affinity():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_joblib_thread():
    """Whether the calling thread is a worker of ``joblib.Parallel``'s threading backend.

    joblib's process workers need no question: they run their task in the main thread, and limit OpenMP
    themselves.
    """
    parallel = sys.modules.get("joblib.parallel")
    if parallel is None or threading.current_thread() is threading.main_thread():
        return False
    backend, _ = parallel.get_active_backend()
    return (backend.nesting_level or 0) > 0


@cache
def cgroup_quota(root="/"):
    """Cores' worth of CPU time that the container's cgroup (v1 or v2) grants the process.

    Parameters
    ----------
    root : str
        Where ``proc`` and ``sys`` are looked for; anything but "/" is for tests.

    Returns
    -------
    float or None
        The least quota along the path from the process's group to the root, None where nothing limits it.
    """
    root = Path(root)
    quotas = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        fields = line.split(":", 2)
        if len(fields) != 3:
            continue
        _, controllers, path = fields
        for folder in _cgroup_folders(root / "sys/fs/cgroup", controllers, path):
            quotas.append(_folder_quota(folder))
    return min((quota for quota in quotas if quota is not None), default=None)


def _cgroup_folders(mount, controllers, path):
    """Folders of one cgroup and its ancestors; a container often sees only the last, the mount's root."""
    if controllers == "":
        top = mount
    elif "cpu" in controllers.split(","):
        top = mount / "cpu" if (mount / "cpu").is_dir() else mount / controllers
    else:
        return []
    here = Path(path.lstrip("/"))
    return [top / part for part in dict.fromkeys([here, *here.parents])]


def _folder_quota(folder):
    fields = _read(folder / "cpu.max").split()  # version 2: "quota period" or "max period"
    if not fields:
        quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        fields = [*quota.split(), *period.split()]
    try:
        quota, period = int(fields[0]), int(fields[1])
    except (ValueError, IndexError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _read(path):
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
