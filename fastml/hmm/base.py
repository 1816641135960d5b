"""What all hidden Markov models have in common: parameters, the chain, EM over sequences, files."""

from __future__ import annotations

import logging
import math
import warnings
from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import validate_data

from fastml._engine.dense.chain import expectations
from fastml._engine.dense.hidden_markov import Frames
from fastml._engine.dense.log_chain import log_expectations
from fastml._engine.runtime.interrupt import check
from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._rollback import rollback
from fastml.hmm import state
from fastml.hmm.inference import Inference
from fastml.hmm.monitor import ConvergenceMonitor
from fastml.hmm.parameters import check_distributions, float_array, normalized
from fastml.hmm.sequences import check_lengths, check_weights

__all__ = ["BaseHMM", "unfold"]

_log = logging.getLogger(__name__)


class BaseHMM(Inference, BaseEstimator, ABC):
    """Base class of the hidden Markov models."""

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [Interval(Integral, 1, 32767, closed="both")],
        "startprob_prior": ["array-like", Interval(Real, None, None, closed="neither")],
        "transmat_prior": ["array-like", Interval(Real, None, None, closed="neither")],
        "algorithm": [StrOptions({"viterbi", "map"})],
        "random_state": ["random_state"],
        "n_iter": [Interval(Integral, 0, None, closed="left")],
        "tol": [Real],
        "verbose": ["verbose"],
        "params": [str],
        "init_params": [str],
        "implementation": [StrOptions({"log", "scaling"})],
        "learning_decay": [Interval(Real, 0.5, 1, closed="both")],
        "n_jobs": [Integral, None],
    }
    # letters of `params`, and the attribute of each
    _letters: ClassVar[dict] = {"s": "startprob_", "t": "transmat_"}

    # -- what a subclass says

    @abstractmethod
    def _read(self, X, reset):
        """Check frames; returns what the engine reads."""

    def _centre(self, X):
        """What is subtracted from every frame as it is read, or None."""
        return None

    @abstractmethod
    def _engine_model(self, frames, second=False):
        """The model as the engine reads it; `second`: with second moments."""

    @abstractmethod
    def _init_densities(self, X, random_state):
        """Densities to start from, of those that `init_params` names or that are not there."""

    @abstractmethod
    def _check_densities(self):
        """Check the parameters of the densities."""

    @abstractmethod
    def _shapes_of_statistics(self):
        """Names and shapes of the statistics of the densities, and of the origin if they are about one."""

    @abstractmethod
    def _statistics(self, model, passed, frames, X):
        """The statistics of the densities, from what the engine accumulated."""

    @abstractmethod
    def _add_posteriors(self, stats, X, posteriors, frames):
        """The same of one sequence, from posteriors that are already weighted."""

    @abstractmethod
    def _update_densities(self, stats, notes):
        """New densities from expected statistics."""

    @abstractmethod
    def _log_densities(self, X):
        """Log densities of frames as `_read` returns them, float64 (n_frames, n_components)."""

    # -- parameters

    @property
    def monitor_(self):
        """ConvergenceMonitor of the last fit; one that is set before a fit is used by it."""
        if "_monitor" not in vars(self):
            self._monitor = ConvergenceMonitor(self.tol, self.n_iter, self.verbose)
            self._own_monitor = True
        return self._monitor

    @monitor_.setter
    def monitor_(self, monitor):
        self._monitor = monitor
        self._own_monitor = False

    def __sklearn_is_fitted__(self):
        return hasattr(self, "startprob_") and hasattr(self, "transmat_")

    def _check(self):
        """Check the parameters of the chain and of the densities.

        Raises
        ------
        ValueError
            If a shape or value cannot be.
        """
        n = self.n_components
        self.startprob_ = float_array(self.startprob_, "startprob_")
        if self.startprob_.shape != (n,):
            raise ValueError(
                f"startprob_ must have length n_components={n}, got shape {self.startprob_.shape}"
            )
        check_distributions(self.startprob_, "startprob_")
        self.transmat_ = float_array(self.transmat_, "transmat_")
        if self.transmat_.shape != (n, n):
            raise ValueError(
                f"transmat_ must have shape (n_components, n_components)={(n, n)}, got {self.transmat_.shape}"
            )
        check_distributions(self.transmat_, "transmat_")
        self._check_densities()

    def _needs_init(self, letter, name):
        if letter in self.init_params:
            if hasattr(self, name):
                _log.warning(
                    "Even though the %r attribute is set, it will be overwritten during initialization "
                    "because 'init_params' contains %r",
                    name,
                    letter,
                )
            return True
        return not hasattr(self, name)

    def _init(self, X, lengths=None):
        """Initial parameters, of those that `init_params` names or that are not there."""
        n = self.n_components
        random_state = check_random_state(self.random_state)
        if self._needs_init("s", "startprob_"):
            self.startprob_ = random_state.dirichlet(np.full(n, 1.0 / n))
        if self._needs_init("t", "transmat_"):
            self.transmat_ = random_state.dirichlet(np.full(n, 1.0 / n), size=n)
        self._init_densities(X, check_random_state(self.random_state))
        n_scalars = sum(self._get_n_fit_scalars_per_param()[p] for p in self.params)
        if X.size < n_scalars:
            _log.warning(
                "Fitting a model with %d free scalar parameters with only %d data points will result in a "
                "degenerate solution.",
                n_scalars,
                X.size,
            )

    def _check_letters(self):
        for name in ("params", "init_params"):
            unknown = set(getattr(self, name)) - set(self._letters)
            if unknown:
                raise ValueError(
                    f"{name} may contain the letters {''.join(self._letters)!r}, got {getattr(self, name)!r}"
                )

    def _chain(self):
        """startprob_ and transmat_ in float64, lines that sum to 1 to the last digits."""
        return normalized(self.startprob_.astype(np.float64)), normalized(self.transmat_.astype(np.float64))

    # -- EM

    def fit(self, X, lengths=None, sample_weight=None):
        """Estimate the parameters by Baum and Welch's algorithm (Rabiner 1989, section III.C).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Frames, one sequence after the other. Frames of NaN are missing: the chain goes on, nothing is
            seen.
        lengths : array-like of int of shape (n_sequences,), optional
            Lengths of the sequences; by default X is one sequence.
        sample_weight : array-like of shape (n_sequences,), optional
            How often a sequence counts.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, lengths or parameters are not valid, or if a sequence has probability 0.
        KeyboardInterrupt
            After Ctrl-C; the estimator is as it was before.
        """
        with rollback(self):
            self._fit(X, lengths, sample_weight)
        return self

    def _fit(self, X, lengths, sample_weight):
        self._validate_params()
        self._check_letters()
        X = self._read(X, reset=True)
        lengths = check_lengths(lengths, len(X))
        weights = check_weights(sample_weight, len(lengths))
        if getattr(self, "_own_monitor", True):
            vars(self).pop("_monitor", None)
        vars(self).pop("_stepped", None)
        self._init(X, lengths)
        self._check()
        monitor = self.monitor_
        monitor._reset()
        self._origin = self._centre(X)
        frames = self._make_frames(X, lengths, fitting=True, centre=self._origin)
        notes: dict = {}
        for _ in range(self.n_iter):
            check()
            stats, log_prob = self._accumulate(X, frames, weights)
            self._do_mstep(stats, notes)
            monitor.report(log_prob)
            if monitor.converged:
                break
        if self.n_iter:
            seen = _weight_of_frames(lengths, weights)
            mean = {name: value / seen for name, value in stats.items()}
            self._stepped = {"batches": 1, "seen": seen, "mean": mean}
        self._warn(notes)
        self._round(X.dtype)

    def partial_fit(self, X, lengths=None, sample_weight=None):
        """One stepwise EM step on another batch of sequences (Cappé and Moulines 2009).

        The statistics of a frame become ``(1 - step) * old + step * those of the batch`` with ``step =
        batches ** -learning_decay``; the parameters follow from them as in `fit`. The first call initializes;
        after `fit`, in this process or in a model file, its frames were the first batch.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        lengths : array-like of int of shape (n_sequences,), optional
        sample_weight : array-like of shape (n_sequences,), optional

        Returns
        -------
        self
        """
        with rollback(self):
            self._partial_fit(X, lengths, sample_weight)
        return self

    def _partial_fit(self, X, lengths, sample_weight):
        self._validate_params()
        self._check_letters()
        stepped = vars(self).get("_stepped")
        X = self._read(X, reset=stepped is None)
        dtype = X.dtype if stepped is None else np.asarray(self.startprob_).dtype
        lengths = check_lengths(lengths, len(X))
        weights = check_weights(sample_weight, len(lengths))
        if stepped is None:
            self._init(X, lengths)
            self._origin = self._centre(X)
        self._check()
        frames = self._make_frames(X, lengths, fitting=True, centre=self._origin)
        stats, log_prob = self._accumulate(X, frames, weights)
        seen = _weight_of_frames(lengths, weights)
        if stepped is None:
            stepped = {"batches": 0, "seen": 0.0, "mean": {}}
        batches = stepped["batches"] + 1
        step, total = batches**-self.learning_decay, stepped["seen"] + seen
        mean = {
            name: value / seen * step + stepped["mean"].get(name, 0.0) * (1 - step)
            for name, value in stats.items()
        }
        notes: dict = {}
        self._do_mstep({name: value * total for name, value in mean.items()}, notes)
        self._stepped = {"batches": batches, "seen": total, "mean": mean}
        self.monitor_.report(log_prob)
        self._warn(notes)
        self._round(dtype)

    def _make_frames(self, X, lengths, fitting=False, centre=None):
        n, c = self.n_components, getattr(self, "n_mix", 1) * self.n_components
        n_densities = sum(math.prod(shape) for shape in self._shapes_of_statistics().values())
        return Frames(
            X,
            lengths,
            centre=self._centre(X) if centre is None else centre,
            n_states=n,
            n_components=c,
            statistics_bytes=8 * (n * n + n_densities) if fitting else 0,
            has_missing=bool((X < 0).any() if X.ndim == 1 else np.isnan(X.sum()) and np.isnan(X).any()),
        )

    def _accumulate(self, X, frames, weights):
        """Expected statistics of all sequences under the current parameters, and the log-likelihood."""
        model = self._engine_model(frames, second=True)
        passed = expectations(frames, model, weights=weights, counting=True, n_threads=self._threads())
        n, m = self.n_components, model.n_padded
        start, moves = self._chain()
        cells = passed.cells
        stats = {
            "trans": moves * unfold(cells[: m * m], m, m)[:n, :n],
            "start": cells[m * m + m : m * m + m + n].copy(),
            "post": cells[m * m : m * m + n].copy(),
            **self._statistics(model, passed, frames, X),
        }
        likelihood = passed.likelihood
        for rows, sequence in self._in_doubt(passed.in_doubt, frames.lengths):
            weight = 1.0 if weights is None else weights[sequence]
            total, posteriors, moved = log_expectations(start, moves, self._log_densities(X[rows]))
            self._refuse_impossible(total, sequence)
            likelihood[sequence] = total
            posteriors *= weight
            stats["trans"] += weight * moved
            stats["start"] += posteriors[0]
            stats["post"] += posteriors.sum(axis=0)
            self._add_posteriors(stats, X[rows], posteriors, frames)
        likelihood = self._add_constants(likelihood, X, frames.lengths)
        return stats, float(likelihood.sum() if weights is None else (weights * likelihood).sum())

    def _add_constants(self, likelihood, X, lengths):
        """What the densities of a sequence have that no state changes, and the engine leaves out."""
        return likelihood

    @staticmethod
    def _in_doubt(sequences, lengths):
        ends = np.cumsum(lengths)
        for sequence in sequences:
            yield slice(ends[sequence] - lengths[sequence], ends[sequence]), sequence

    @staticmethod
    def _refuse_impossible(total, sequence):
        if total == -np.inf:
            raise ValueError(
                f"sequence {sequence} has probability 0 under the model: some frame is impossible in every "
                "state that can be reached"
            )

    def _do_mstep(self, stats, notes=None):
        """New parameters from expected statistics.

        Where a prior is below 1, `prior - 1 + count` can be negative: the best probability is then 0. What is
        0 stays 0. A line without any count stays as it is.
        """
        notes = {} if notes is None else notes
        if "s" in self.params:
            counts = np.maximum(np.asarray(self.startprob_prior) - 1 + stats["start"], 0)
            counts = np.where(self.startprob_ == 0, 0, counts)
            if counts.sum() > 0:
                self.startprob_ = normalized(counts)
        if "t" in self.params:
            counts = np.maximum(np.asarray(self.transmat_prior) - 1 + stats["trans"], 0)
            counts = np.where(self.transmat_ == 0, 0, counts)
            some = counts.sum(axis=1) > 0
            self.transmat_ = np.where(some[:, None], normalized(counts), self.transmat_)
        notes["unused"] = stats["post"] <= 1e-10
        self._update_densities(stats, notes)

    def _warn(self, notes):
        unused = np.flatnonzero(notes.get("unused", ()))
        if len(unused):
            warnings.warn(
                f"no frame was in states {unused.tolist()} in the last iteration: their parameters were left "
                "as they were before it",
                ConvergenceWarning,
                stacklevel=4,
            )
        if notes.get("collapsed"):
            warnings.warn(
                f"covariances of states {sorted(notes['collapsed'])} collapsed; their diagonals were raised "
                f"to min_covar={self.min_covar}",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _round(self, dtype):
        """float32 in, float32 out.

        Raises
        ------
        ValueError
            If a parameter is too large or too small for that.
        """
        if dtype != np.float32:
            return
        with np.errstate(over="ignore"):
            for name in self._letters.values():
                name = "_covars_" if name == "covars_" and hasattr(self, "_covars_") else name
                setattr(self, name, getattr(self, name).astype(np.float32))
        try:
            self._check()
        except ValueError as error:
            raise ValueError(
                f"X is float32, and what was learned from it does not fit float32: {error}. Scale X, or hand "
                "it in as float64."
            ) from None

    def _threads(self):
        return resolve_n_jobs(self.n_jobs)

    # -- files

    def save(self, path):
        """Write the model to a file that :func:`fastml.load` reads.

        Parameters
        ----------
        path : str, os.PathLike or binary file object
        """
        from fastml.io import save

        save(self, path)

    def _get_model_state(self):
        return state.get_state(self)

    def _set_model_state(self, values, arrays):
        state.set_state(self, values, arrays)

    def __setstate__(self, values):
        super().__setstate__(values)
        if "startprob_" in values:
            self._check()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = False
        return tags

    def _table(self, X, reset, dtype, **options):
        return validate_data(self, X, reset=reset, dtype=dtype, order="C", **options)


def unfold(cells, n_a, n_b):
    """Sums of products of rows, from the order in which the kernels keep them: an (n_a, n_b) array."""
    return cells.reshape(n_a // 4, n_b // 4, 4, 4).transpose(0, 2, 1, 3).reshape(n_a, n_b)


def _weight_of_frames(lengths, weights):
    return float(lengths.sum() if weights is None else (weights * lengths).sum())
