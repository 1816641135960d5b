"""Which rows and which features a tree may look at.

Every draw is a function of (seed, round, tree of the round) and of nothing else: a fit that is continued
later (warm start) draws what one long fit would have drawn, and the number of threads plays no part.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["AllRows", "GradientRows", "RandomRows", "draw_features", "mix_seed", "random_generator"]

_MASK = (1 << 64) - 1


def mix_seed(seed: int, *counters: int) -> int:
    """Mix a seed with counters into an unrelated 64-bit number.

    The finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA
    2014), once per counter. Called for every tree, so it must take about a microsecond, which NumPy's
    SeedSequence does not.
    """
    state = seed & _MASK
    for counter in counters:
        state = (state + 0x9E3779B97F4A7C15 * (counter + 1)) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


def random_generator(seed: int, *counters: int) -> np.random.Generator:
    """NumPy generator for one draw."""
    return np.random.Generator(np.random.PCG64(mix_seed(seed, *counters)))


class AllRows:
    """Every tree sees every row."""

    reweights = False

    def start_round(self, round_index: int) -> None:
        """Nothing to draw."""

    def draw(self, k, g, h):
        """Rows in the sample and rows outside it; None stands for all and for none."""
        return None, None


class RandomRows:
    """A random part of the rows, drawn once a round (stochastic gradient boosting, Friedman 2002).

    Parameters
    ----------
    n_rows : int
    fraction : float in (0, 1)
        Each row is in the sample with this probability, independently; at least one row is.
    seed : int
    """

    reweights = False

    def __init__(self, n_rows: int, fraction: float, seed: int) -> None:
        self.n_rows = n_rows
        self.fraction = fraction
        self.seed = seed
        self._rows: tuple[np.ndarray | None, np.ndarray | None] = (None, None)

    def start_round(self, round_index: int) -> None:
        """Draw the sample of a round."""
        chance = random_generator(self.seed, round_index).random(self.n_rows, dtype=np.float32)
        drawn = chance < self.fraction
        drawn[chance.argmin()] = True  # never none
        self._rows = _split(drawn)

    def draw(self, k, g, h):
        """Sorted uint32 indices of the rows in the sample and of the rows outside it."""
        return self._rows


class GradientRows:
    """Gradient-based one-side sampling: all rows with large gradients, some of the others, reweighted.

    Ke et al., LightGBM: A Highly Efficient Gradient Boosting Decision Tree, NeurIPS 2017, section 3. The
    rows drawn from the small gradients are multiplied by (rows with small gradients) / (rows drawn), which
    keeps the sums unbiased. The first rounds, whose gradients say little yet, see all rows.

    Parameters
    ----------
    n_rows : int
    top_rate, other_rate : float in (0, 1)
        Parts of all rows: with the largest gradients; drawn from the rest. Their sum is below 1.
    seed : int
    full_rounds : int
        Rounds before the sampling starts.
    """

    reweights = True

    def __init__(self, n_rows: int, top_rate: float, other_rate: float, seed: int, full_rounds: int) -> None:
        self.n_rows = n_rows
        self.n_top = max(1, int(top_rate * n_rows))
        self.n_other = max(1, int(other_rate * n_rows))
        self.seed = seed
        self.full_rounds = full_rounds
        self._round = 0

    def start_round(self, round_index: int) -> None:
        """Remember the round."""
        self._round = round_index

    def draw(self, k, g, h):
        """Rows of tree ``k``; scales ``g`` and ``h`` (float32, (n_rows,)) of the rows drawn, in place."""
        n_small = self.n_rows - self.n_top
        if self._round < self.full_rounds or self.n_other >= n_small:
            return None, None
        rng = random_generator(self.seed, self._round, k)
        size = np.abs(g)
        limit = np.partition(size, n_small)[n_small]
        keep = size > limit
        # Rows at the limit are drawn: where all gradients have one size (absolute error), so are all rows.
        ties = np.flatnonzero(size == limit)
        keep[rng.choice(ties, self.n_top - np.count_nonzero(keep), replace=False)] = True
        small = np.flatnonzero(~keep)
        drawn = small[rng.random(small.size) < self.n_other / n_small]
        keep[drawn] = True
        factor = np.float32(n_small / self.n_other)
        g[drawn] *= factor
        h[drawn] *= factor
        return _split(keep)


def _split(keep: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    rows = np.flatnonzero(keep).astype(np.uint32)
    if rows.size in (0, keep.size):
        return None, None
    return rows, np.flatnonzero(~keep).astype(np.uint32)


def draw_features(n_features: int, fraction: float, seed: int, *counters: int) -> np.ndarray | None:
    """Sorted int32 indices of the features of one tree, at least one; None when all."""
    n_drawn = max(1, math.ceil(fraction * n_features))
    if n_drawn >= n_features:
        return None
    drawn = random_generator(seed, *counters).choice(n_features, n_drawn, replace=False)
    return np.sort(drawn).astype(np.int32)
