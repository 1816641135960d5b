"""What models with a table of the symbols' probabilities have in common."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from fastml.hmm.base import BaseHMM
from fastml.hmm.parameters import check_distributions, float_array, normalized

__all__ = ["EmissionTable"]


class EmissionTable(BaseHMM):
    """Base class of models with `emissionprob_`, the probability of each of `n_features` symbols by state."""

    _letters: ClassVar[dict] = {**BaseHMM._letters, "e": "emissionprob_"}

    def _init_densities(self, X, random_state):
        if self._needs_init("e", "emissionprob_"):
            self.emissionprob_ = normalized(random_state.rand(self.n_components, self.n_features))

    def _check_densities(self):
        self.emissionprob_ = np.atleast_2d(float_array(self.emissionprob_, "emissionprob_"))
        n_features = vars(self).get("n_features")
        shape = (self.n_components, self.emissionprob_.shape[1] if n_features is None else n_features)
        if self.emissionprob_.shape != shape:
            raise ValueError(
                f"emissionprob_ must have shape (n_components, n_features)={shape}, got "
                f"{self.emissionprob_.shape}"
            )
        check_distributions(self.emissionprob_, "emissionprob_")
        self.n_features = shape[1]

    def _get_n_fit_scalars_per_param(self):
        return {**super()._get_n_fit_scalars_per_param(), "e": self.n_components * (self.n_features - 1)}

    def _emissions(self):
        """`emissionprob_` in float64, lines that sum to 1 to the last digits."""
        return normalized(self.emissionprob_.astype(np.float64))
