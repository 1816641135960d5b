"""A loss of the user: a function that returns gradient and hessian."""

from __future__ import annotations

import numpy as np

from fastml._engine.tree.gradient import fill_gradients
from fastml._engine.tree.objective_base import Objective, real_target
from fastml._engine.tree.objective_classes import LogLossBinary, LogLossMultinomial, class_target
from fastml._engine.tree.order_statistics import mean

__all__ = ["Custom"]


class Custom(Objective):
    """A loss given by a function of (y, raw) that returns gradient and hessian.

    ``raw`` has the shape (n_rows,), or (n_rows, n_classes) for three classes and more; so must both results.
    The arrays passed are read-only. The function is not shown the weights: they multiply its results. If it
    has an attribute ``loss``, ``loss(y, raw)`` gives the loss of each row, and early stopping on the loss is
    possible; ``baseline(y, weight)`` gives the first score or scores (default 0); ``inverse_link(raw)`` the
    predictions (default: the scores for regression, the logistic or softmax function for classification).
    """

    name = "custom"
    kernel = "given"

    def __init__(self, function, n_classes=None):
        self.function = function
        self.n_classes = n_classes
        self.n_outputs = n_classes if n_classes is not None and n_classes > 2 else 1
        self._g: np.ndarray | None = None
        self._h: np.ndarray | None = None

    def check_y(self, y):
        return real_target(y) if self.n_classes is None else class_target(y, self.n_classes)

    def baseline(self, y, w=None):
        own = getattr(self.function, "baseline", None)
        if own is None:
            return np.zeros(self.n_outputs)
        value = np.atleast_1d(np.asarray(own(_read_only(y), w), dtype=np.float64))
        if value.shape != (self.n_outputs,) or not np.isfinite(value).all():
            raise ValueError(
                f"baseline of the custom loss must return {self.n_outputs} finite numbers, got {value!r}"
            )
        return value

    def start_round(self, y, raw, w=None, n_threads=1):
        result = self.function(_read_only(y), self._shown(raw))
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise ValueError("the custom loss must return a pair: gradient, hessian")
        self._g, self._h = (
            self._returned(part, name, raw)
            for part, name in zip(result, ("gradient", "hessian"), strict=True)
        )
        if (self._h < 0).any():
            raise ValueError("the hessian that the custom loss returned is negative in at least one row")

    def gradients(self, y, raw, w, k, g, h, n_threads=1):
        if self._g is None:
            raise RuntimeError("start_round must be called before gradients")
        return fill_gradients(self.kernel, self._h[k], self._g[k], w, g, h, n_threads=n_threads)

    def loss(self, y, raw, w=None, n_threads=1):
        own = getattr(self.function, "loss", None)
        if own is None:
            raise ValueError(
                "the custom loss has no attribute 'loss', a function of (y, raw) that returns the loss "
                "of each row; give it one, or choose another scoring"
            )
        losses = np.asarray(own(_read_only(y), self._shown(raw)), dtype=np.float64)
        if losses.shape != (raw.shape[1],):
            raise ValueError(f"loss of the custom loss must have shape ({raw.shape[1]},), got {losses.shape}")
        if np.isnan(losses).any():
            raise ValueError("loss of the custom loss is NaN in at least one row")
        return mean(losses, w)

    def inverse_link(self, raw):
        own = getattr(self.function, "inverse_link", None)
        if own is not None:
            prediction = np.asarray(own(self._shown(raw)))
            if prediction.shape[:1] != raw.shape[1:]:
                raise ValueError(
                    f"inverse_link of the custom loss must return one prediction for each of the "
                    f"{raw.shape[1]} rows, got shape {prediction.shape}"
                )
            return prediction
        if self.n_classes is None:
            return super().inverse_link(raw)
        if self.n_outputs == 1:
            return LogLossBinary.inverse_link(self, raw)
        return LogLossMultinomial.inverse_link(self, raw)

    def _shown(self, raw):
        return _read_only(raw[0] if self.n_outputs == 1 else np.ascontiguousarray(raw.T))

    def _returned(self, part, name, raw):
        """One of the function's results as float64 (n_outputs, n_rows)."""
        part = np.asarray(part)
        if part.dtype.kind not in "biuf":
            raise ValueError(f"the {name} of the custom loss must hold real numbers, got dtype {part.dtype}")
        part = part.astype(np.float64, copy=False)
        n_outputs, n_rows = raw.shape
        expected = (n_rows,) if n_outputs == 1 else (n_rows, n_outputs)
        if part.shape != expected:
            raise ValueError(f"the {name} of the custom loss must have shape {expected}, got {part.shape}")
        if not np.isfinite(part).all():
            raise ValueError(f"the {name} of the custom loss is NaN or infinite in at least one row")
        return np.ascontiguousarray(part.T).reshape(n_outputs, n_rows)


def _read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view
