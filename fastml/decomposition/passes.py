"""What a long fit prints."""

from __future__ import annotations

import time

__all__ = ["Passes"]


class Passes:
    """A line for every pass over the documents, with an estimate of the time left.

    Parameters
    ----------
    verbose : int
        0: silent.
    most : int
        Passes that will be made at most.
    """

    def __init__(self, verbose, most):
        self.verbose = verbose
        self.most = most
        self.start = time.perf_counter()

    def done(self, number, perplexity=None):
        """Tell about a pass.

        Parameters
        ----------
        number : int
            Passes made.
        perplexity : float, optional
        """
        if not self.verbose:
            return
        spent = time.perf_counter() - self.start
        left = spent / number * (self.most - number)
        told = "" if perplexity is None else f", perplexity: {perplexity:.4f}"
        print(
            f"iteration: {number} of max_iter: {self.most}{told}, {spent:.1f} s, {left:.1f} s left",
            flush=True,
        )
