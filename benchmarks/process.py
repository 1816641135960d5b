"""Processes that measure one library each, on so many threads, and that leave nobody behind."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The root comes last on the path, so that the installed fastml is imported and not the source tree.
PROGRAM = """import sys
from importlib import import_module
_, root, module, function, *arguments = sys.argv
sys.path.append(root)
getattr(import_module(module), function)(*arguments)
"""
POOLS = ("OMP", "OPENBLAS", "MKL", "NUMBA")  # whose number of threads a variable tells


def output(function, *arguments, threads, limit=None):
    """What `function`, "module:name", prints when it is called with texts in a process of its own.

    Raises subprocess.TimeoutExpired after `limit` seconds, CalledProcessError if the process fails. All the
    processes that it has started end with it: the workers of a fit that was cut short would go on, beside the
    measurement of the next library.
    """
    options = ["-P", "-W", "ignore", "-c", PROGRAM]
    command = [sys.executable, *options, str(ROOT), *function.split(":"), *arguments]
    environment = os.environ | {f"{pool}_NUM_THREADS": str(threads) for pool in POOLS}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, start_new_session=True, **pipes) as process:
        try:
            told, complaint = process.communicate(timeout=limit)
        finally:
            end_family(process)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, told, complaint)
    return told


def end_family(process):
    """Kill the process and all that it has started (on Windows the process alone)."""
    if not hasattr(os, "killpg"):
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):  # the latter of a family of zombies on macOS
        os.killpg(process.pid, signal.SIGKILL)


def measured(function, order, threads, limit):
    """The measurement that `function` prints for `order` as a dict.

    {"error": why} if the process failed, with "stopped_after" if it took longer than `limit` seconds.
    """
    try:
        return json.loads(output(function, json.dumps(order), threads=threads, limit=limit).splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": f"stopped after {limit:.0f} s", "stopped_after": limit}
    except subprocess.CalledProcessError as failed:
        last = (failed.stderr.strip().splitlines() or [f"exit code {failed.returncode}"])[-1]
        return {"error": last[:300]}
