"""From raw scores to what a model of another library predicts."""

from __future__ import annotations

import numpy as np

from fastml._engine.tree.probability import sigmoid, softmax
from fastml.io.errors import ModelFileError

__all__ = ["LINKS", "Link"]


def _exp(raw, scale, n_threads):
    with np.errstate(over="ignore"):
        return np.exp(raw)


# Name: (function of raw scores, a number and the threads that may be used; whether the result is one
# probability or one a class).
LINKS = {
    "identity": (lambda raw, scale, n_threads: raw, None),
    "sigmoid": (sigmoid, "one"),
    "sigmoids": (sigmoid, "each"),
    "softmax": (lambda raw, scale, n_threads: softmax(raw, n_threads), "each"),
    "share": (lambda raw, scale, n_threads: raw, "each"),
    "second share": (lambda raw, scale, n_threads: raw, "one"),
    "exp": (_exp, None),
    "log1p exp": (lambda raw, scale, n_threads: np.logaddexp(0.0, raw), None),
    "signed square": (lambda raw, scale, n_threads: np.sign(raw) * raw * raw, None),
    "step": (lambda raw, scale, n_threads: (raw > 0).astype(np.float64), None),
    "largest": (lambda raw, scale, n_threads: raw.argmax(axis=1).astype(np.float64), None),
    "sigmoid of score": (sigmoid, None),
    "shifted softmax": (lambda raw, scale, n_threads: softmax(raw * scale, n_threads), "each"),
}


class Link:
    """A named transformation of raw scores.

    Parameters
    ----------
    name : str
        A key of `LINKS`.
    scale : float, default=1.0
    """

    def __init__(self, name, scale=1.0):
        if name not in LINKS:
            raise ModelFileError(f"unknown link {name!r:.80}; known are {', '.join(map(repr, LINKS))}")
        if not (np.isfinite(scale) and scale > 0):
            raise ModelFileError(f"the scale of a link must be positive and finite, not {scale!r:.80}")
        self.name, self.scale = name, float(scale)

    @property
    def gives_probabilities(self):
        return LINKS[self.name][1] is not None

    @property
    def n_classes(self):
        """Classes beyond the columns of the raw score."""
        return 1 if LINKS[self.name][1] == "one" else 0

    def response(self, raw, n_threads=1):
        """float64 array of the shape of `raw`, (n_rows, n_outputs); (n_rows,) where one number is chosen."""
        return LINKS[self.name][0](raw, self.scale, n_threads)

    def probabilities(self, raw, n_threads=1):
        """float64 array of shape (n_rows, n_classes)."""
        response = self.response(raw, n_threads)
        if LINKS[self.name][1] == "one":
            return np.concatenate([1.0 - response, response], axis=1)
        return response
