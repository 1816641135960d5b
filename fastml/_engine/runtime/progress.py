"""How far long work has come: the time it takes in words, and what a long prediction prints."""

from __future__ import annotations

import time

__all__ = ["SECONDS_BETWEEN_LINES", "RowProgress", "duration"]

SECONDS_BETWEEN_LINES = 1.0


class RowProgress:
    """Lines with the rows that are done and an estimate of the time left, at most one a second.

    What ends within a second prints nothing. Called by the engine, between blocks of rows.
    """

    def __init__(self) -> None:
        self._start = self._shown = time.perf_counter()

    @classmethod
    def of(cls, verbose: int) -> RowProgress | None:
        """One if there is something to tell; `verbose` is the parameter of an estimator."""
        return cls() if verbose else None

    def __call__(self, n_done: int, n_rows: int) -> None:
        now = time.perf_counter()
        told_before = self._shown > self._start
        if now - self._shown < SECONDS_BETWEEN_LINES and not (told_before and n_done == n_rows):
            return
        self._shown = now
        spent = now - self._start
        left = spent / max(n_done, 1) * (n_rows - n_done)
        told = f"[{n_done:{len(str(n_rows))}}/{n_rows}] rows, {duration(spent)}, {duration(left)} left"
        print(told, flush=True)


def duration(seconds: float) -> str:
    """A time for people: '1.2 s', '3:05', '1:00:00'."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
