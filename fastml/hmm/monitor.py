"""Watches EM converge."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque

import numpy as np

__all__ = ["ConvergenceMonitor"]

_log = logging.getLogger(__name__)


class ConvergenceMonitor:
    """Says when EM has converged, and reports its progress.

    A subclass with another `converged` can be set as ``model.monitor_`` before ``fit``.

    Parameters
    ----------
    tol : float
        EM has converged when an iteration gains less log-likelihood than this.
    n_iter : int
        Most iterations.
    verbose : bool
        Print each iteration to standard error.

    Attributes
    ----------
    history : deque of float
        Log-likelihoods at the begin of the iterations.
    iter : int
        Iterations done.
    """

    _template = "{iter:>10d} {log_prob:>16.8f} {delta:>+16.8f}"

    def __init__(self, tol, n_iter, verbose):
        self.tol = tol
        self.n_iter = n_iter
        self.verbose = verbose
        self.history = deque()
        self.iter = 0
        self._began = None

    def __repr__(self):
        shown = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        lines = [f"    {name}={value},\n" for name, value in sorted(shown.items())]
        return f"{type(self).__name__}(\n{''.join(lines)})"

    def _reset(self):
        self.iter = 0
        self.history.clear()
        self._began = time.perf_counter()

    def report(self, log_prob):
        """Take the log-likelihood of another iteration.

        Parameters
        ----------
        log_prob : float
        """
        delta = log_prob - self.history[-1] if self.history else np.nan
        if self.verbose:
            message = self._template.format(iter=self.iter + 1, log_prob=log_prob, delta=delta)
            if self._began is not None and self.n_iter > self.iter + 1:
                each = (time.perf_counter() - self._began) / (self.iter + 1)
                message += f"   at most {each * (self.n_iter - self.iter - 1):.1f} s left"
            print(message, file=sys.stderr)
        # the likelihood may oscillate in its last digits
        if self.history and delta < -max(np.sqrt(np.finfo(float).eps), 1e-12 * abs(log_prob)):
            _log.warning(
                f"Model is not converging.  Current: {log_prob} is not greater than {self.history[-1]}. "
                f"Delta is {delta}"
            )
        self.history.append(log_prob)
        self.iter += 1

    @property
    def converged(self):
        """Whether EM has converged or has done all its iterations."""
        return self.iter == self.n_iter or (
            len(self.history) >= 2 and self.history[-1] - self.history[-2] < self.tol
        )
