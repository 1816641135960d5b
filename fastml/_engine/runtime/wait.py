"""How long a thread waits for the others before it goes to sleep."""

import os
from contextlib import contextmanager

__all__ = ["short_waits"]

# Of GNU's OpenMP runtime, in turns of its waiting loop (about 40 ns each). Left alone it waits 300,000 turns:
# while other processes keep the cores busy, a thread then burns what the one it waits for should have had.
_TURNS = "2000"
_NAME = "GOMP_SPINCOUNT"


@contextmanager
def short_waits():
    """Within, GNU's OpenMP runtime, if it is loaded now, learns to go to sleep soon.

    It reads its environment when it is loaded and never again; the environment is as before on exit. What the
    user has set there counts, and a runtime that somebody has loaded before stays as it is.

    Boosting 10,000 rows on two threads of a two-core machine takes as long as before on idle cores, and
    0.49 s instead of 3.7 s while two other processes keep them busy (`python -m benchmarks.busy_cores`).
    """
    if _NAME in os.environ or "OMP_WAIT_POLICY" in os.environ:
        yield
        return
    os.environ[_NAME] = _TURNS
    try:
        yield
    finally:
        del os.environ[_NAME]
