"""What this installation of fastml runs on."""

import platform
import sys
from importlib import metadata

import fastml
from fastml._engine.runtime import kernels, openmp, threads


def configuration():
    """What ``show_config`` prints, as a dict of strings in the order of printing."""
    facts = {}
    facts["fastml"] = fastml.__version__
    facts["Python"] = f"{platform.python_version()} ({sys.platform}, {platform.machine()})"
    facts["instruction set"] = f"{kernels.selected()} (this machine runs: {', '.join(kernels.available())})"
    if openmp.runtime():
        facts["OpenMP"] = f"{openmp.runtime()} (specification of {openmp.specification()})"
    else:
        facts["OpenMP"] = "none: this build runs on one thread"
    facts["threads"] = str(threads.resolve_n_jobs(None))
    for name in ("numpy", "scipy", "scikit-learn"):
        facts[name] = metadata.version(name)
    return facts


def show_config():
    """Print version, instruction set, OpenMP runtime, threads, and the versions of what fastml stands on.

    The instruction set is the best that the processor runs, or the one named by the environment variable
    ``FASTML_CPU`` when fastml was imported; the number of threads is what ``n_jobs=None`` means now.
    """
    facts = configuration()
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
