"""DART: rounds of trees are left out while the next round is grown, then all are scaled to fit together.

Rashmi and Gilad-Bachrach, DART: Dropouts meet Multiple Additive Regression Trees, AISTATS 2015. With D
rounds left out and learning rate r, the new trees are multiplied by r / (D + r) and those left out by
D / (D + r); r = 1 is the paper's rule.
"""

from __future__ import annotations

import numpy as np

from fastml._engine.tree.sampling import random_generator

__all__ = ["Dropout"]


class Dropout:
    """Choice of the rounds to leave out.

    Parameters
    ----------
    drop_rate : float in [0, 1]
        Probability that a round is left out.
    skip_drop : float in [0, 1]
        Probability that nothing is left out in a round.
    max_drop : int or None
        Most rounds to leave out at a time.
    seed : int
    """

    def __init__(self, drop_rate: float, skip_drop: float, max_drop: int | None, seed: int) -> None:
        self.drop_rate = drop_rate
        self.skip_drop = skip_drop
        self.max_drop = max_drop
        self.seed = seed

    def draw(self, n_rounds: int) -> np.ndarray:
        """Sorted indices of the rounds, of the ``n_rounds`` so far, that the next one is grown without."""
        rng = random_generator(self.seed, n_rounds)
        if rng.random() < self.skip_drop:
            return np.empty(0, dtype=np.intp)
        dropped = np.flatnonzero(rng.random(n_rounds) < self.drop_rate)
        if self.max_drop is not None and dropped.size > self.max_drop:
            dropped = np.sort(rng.choice(dropped, self.max_drop, replace=False))
        return dropped

    @staticmethod
    def factors(n_dropped: int, learning_rate: float) -> tuple[float, float]:
        """Factors of the new trees and of the trees left out."""
        if n_dropped == 0:
            return learning_rate, 1.0
        total = n_dropped + learning_rate
        return learning_rate / total, n_dropped / total
