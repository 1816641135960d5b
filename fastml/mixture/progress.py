"""What a long fit of a mixture prints."""

from __future__ import annotations

import time

__all__ = ["Progress"]


class Progress:
    """Lines about initializations and iterations.

    Parameters
    ----------
    verbose : int
        0: silent; 1: initializations and every `interval`-th iteration with the time that is left at most;
        2 and more: also the change of the lower bound and the time of the iterations.
    interval : int
    max_iter : int
    """

    def __init__(self, verbose, interval, max_iter):
        self.verbose, self.interval, self.max_iter = int(verbose), interval, max_iter
        self._start = self._last = time.perf_counter()

    def begin(self, init):
        """An initialization begins."""
        self._start = self._last = time.perf_counter()
        if self.verbose:
            print(f"Initialization {init}", flush=True)

    def iteration(self, n_iter, change):
        """An iteration ended."""
        if not self.verbose or n_iter % self.interval:
            return
        now = time.perf_counter()
        left = (now - self._start) / n_iter * (self.max_iter - n_iter)
        line = f"  Iteration {n_iter}"
        if self.verbose > 1:
            line += f"\t time lapse {now - self._last:.5f}s\t ll change {change:.5f}"
        print(f"{line}\t at most {left:.1f}s left", flush=True)
        self._last = now

    def end(self, lower_bound, converged):
        """An initialization ended."""
        if not self.verbose:
            return
        line = f"Initialization {'converged' if converged else 'did not converge'}."
        if self.verbose > 1:
            spent = time.perf_counter() - self._start
            line += f" time lapse {spent:.5f}s\t lower bound {lower_bound:.5f}."
        print(line, flush=True)
