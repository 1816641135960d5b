"""What a long fit prints."""

from __future__ import annotations

import time

from fastml._engine.runtime.progress import SECONDS_BETWEEN_LINES, duration

__all__ = ["Progress"]


class Progress:
    """Lines with progress, scores and an estimate of the time left.

    Parameters
    ----------
    verbose : int
        0: silent; 1: at most a line a second and a summary; 2 and more: a line for every round.
    first, last : int
        Rounds that the model has before the fit, and has at its end at the latest.
    """

    def __init__(self, verbose, first, last):
        self.verbose = verbose
        self.first = first
        self.last = last
        self.start = self._shown = time.perf_counter()

    def note(self, text):
        """Print a line about a stage before the first round."""
        if self.verbose:
            print(f"{text}: {time.perf_counter() - self._shown:.2f} s", flush=True)
            self._shown = time.perf_counter()

    def begin(self):
        """Start the clock of the rounds."""
        self.start = self._shown = time.perf_counter()

    def round_done(self, n_rounds, n_leaves, scores):
        """Tell about a round.

        Parameters
        ----------
        n_rounds : int
            Rounds in the model.
        n_leaves : int
            Leaves of the round's trees.
        scores : dict of str to float
        """
        now = time.perf_counter()
        if self.verbose < 2 and now - self._shown < SECONDS_BETWEEN_LINES and n_rounds < self.last:
            return
        self._shown = now
        spent = now - self.start
        left = spent / (n_rounds - self.first) * (self.last - n_rounds)
        width = len(str(self.last))
        told = "".join(f", {name} {value:.6g}" for name, value in scores.items())
        print(
            f"[{n_rounds:{width}}/{self.last}] {n_leaves} leaves{told}, "
            f"{duration(spent)}, {duration(left)} left",
            flush=True,
        )

    def end(self, n_rounds, n_trees, why=""):
        """Print the summary."""
        if self.verbose:
            spent = time.perf_counter() - self.start
            print(
                f"Fitted {n_rounds - self.first} rounds ({n_trees} trees) in {spent:.2f} s{why}", flush=True
            )
