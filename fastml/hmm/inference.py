"""What a fitted hidden Markov model tells: likelihoods, states, frames drawn from it."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fastml._engine.dense.chain import expectations
from fastml._engine.dense.log_chain import log_expectations
from fastml._engine.dense.viterbi import paths
from fastml.hmm.sequences import check_lengths

__all__ = ["Inference"]


class Inference:
    """Mixin of `BaseHMM`."""

    def _read_fitted(self, X, lengths):
        check_is_fitted(self)
        self._check()
        X = self._read(X, reset=False)
        return X, check_lengths(lengths, len(X))

    def score_samples(self, X, lengths=None):
        """Log-likelihood and the probabilities of the states.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        lengths : array-like of int of shape (n_sequences,), optional

        Returns
        -------
        log_prob : float
        posteriors : float64 array of shape (n_samples, n_components)

        Raises
        ------
        ValueError
            If a sequence has probability 0.
        """
        X, lengths = self._read_fitted(X, lengths)
        frames = self._make_frames(X, lengths)
        posteriors = np.empty((len(X), self.n_components))
        model = self._engine_model(frames)
        passed = expectations(frames, model, posteriors=posteriors, n_threads=self._threads())
        for rows, sequence in self._in_doubt(passed.in_doubt, lengths):
            total, here, _ = log_expectations(*self._chain(), self._log_densities(X[rows]))
            self._refuse_impossible(total, sequence)
            passed.likelihood[sequence], posteriors[rows] = total, here
        # scaled products are normalized to a few ulps
        posteriors /= posteriors.sum(axis=1, keepdims=True)
        return float(self._add_constants(passed.likelihood, X, lengths).sum()), posteriors

    def score(self, X, lengths=None):
        """Log-likelihood of the sequences.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        lengths : array-like of int of shape (n_sequences,), optional

        Returns
        -------
        log_prob : float
            -infinity if a sequence has probability 0.
        """
        X, lengths = self._read_fitted(X, lengths)
        frames = self._make_frames(X, lengths)
        passed = expectations(frames, self._engine_model(frames), n_threads=self._threads())
        for rows, sequence in self._in_doubt(passed.in_doubt, lengths):
            passed.likelihood[sequence] = log_expectations(*self._chain(), self._log_densities(X[rows]))[0]
        return float(self._add_constants(passed.likelihood, X, lengths).sum())

    def predict_proba(self, X, lengths=None):
        """Probabilities of the states: the second result of `score_samples`."""
        return self.score_samples(X, lengths)[1]

    def decode(self, X, lengths=None, algorithm=None):
        """The states that the sequences went through.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        lengths : array-like of int of shape (n_sequences,), optional
        algorithm : {"viterbi", "map"}, optional
            The most likely path (of equal ones that through the lower states), or the most likely state of
            each frame; by default the parameter `algorithm`.

        Returns
        -------
        log_prob : float
            "viterbi": log probability of the frames and the path. "map": sum of the states' probabilities.
        states : int array of shape (n_samples,)

        Raises
        ------
        ValueError
            If a sequence has probability 0, or for an unknown algorithm.
        """
        algorithm = algorithm or self.algorithm
        if algorithm not in ("viterbi", "map"):
            raise ValueError(f"Unknown decoder {algorithm!r}; there are 'viterbi' and 'map'")
        if algorithm == "map":
            posteriors = self.predict_proba(X, lengths)
            return float(posteriors.max(axis=1).sum()), posteriors.argmax(axis=1)
        X, lengths = self._read_fitted(X, lengths)
        frames = self._make_frames(X, lengths)
        likelihood, path = paths(frames, self._engine_model(frames), self._threads())
        for sequence in np.flatnonzero(likelihood == -np.inf)[:1]:
            self._refuse_impossible(-np.inf, sequence)
        return float(self._add_constants(likelihood, X, lengths).sum()), path

    def predict(self, X, lengths=None):
        """The states that the sequences went through: the second result of `decode`."""
        return self.decode(X, lengths)[1]

    # -- what follows from the model alone

    def sample(self, n_samples=1, random_state=None, currstate=None):
        """Draw frames from the model.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState or None
            By default the parameter `random_state`.
        currstate : int, optional
            State of the first frame; by default it is drawn from `startprob_`.

        Returns
        -------
        X : array of shape (n_samples, n_features)
        states : int array of shape (n_samples,)
        """
        check_is_fitted(self)
        self._check()
        rng = check_random_state(self.random_state if random_state is None else random_state)
        start, moves = self._chain()
        limits = np.cumsum(moves, axis=1)
        states = np.empty(n_samples, dtype=int)
        if currstate is None:
            currstate = int((np.cumsum(start) > rng.rand()).argmax())
        for t, u in enumerate(rng.rand(n_samples)):
            if t:
                currstate = int((limits[currstate] > u).argmax())
            states[t] = currstate
        return self._draw(states, rng), states

    @abstractmethod
    def _draw(self, states, rng):
        """A frame from each of these states."""

    def get_stationary_distribution(self):
        """The distribution of states that the chain keeps: the left eigenvector of `transmat_` for 1.

        Returns
        -------
        float64 array of shape (n_components,)
        """
        check_is_fitted(self)
        values, vectors = np.linalg.eig(np.asarray(self.transmat_, dtype=np.float64).T)
        vector = np.real(vectors[:, np.argmax(np.real(values))])
        return vector / vector.sum()

    def _get_n_fit_scalars_per_param(self):
        n = self.n_components
        return {"s": n - 1, "t": n * (n - 1)}

    def aic(self, X, lengths=None):
        """Akaike's information criterion: -2 log-likelihood + 2 free parameters; the lower the better."""
        return -2 * self.score(X, lengths) + 2 * sum(self._get_n_fit_scalars_per_param().values())

    def bic(self, X, lengths=None):
        """Schwarz's: -2 log-likelihood + free parameters times the log of n_samples; the lower the better."""
        log_prob = self.score(X, lengths)
        return -2 * log_prob + sum(self._get_n_fit_scalars_per_param().values()) * np.log(len(X))
