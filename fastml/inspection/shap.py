"""SHAP values of tree models: the methods that all of them share."""

from __future__ import annotations

import os
import warnings

import numpy as np

from fastml._engine.tree.background import background_values
from fastml._engine.tree.flat_trees import n_outputs
from fastml._engine.tree.shap import expected_values, known_values, shap_values
from fastml.inspection.explanation import make_explanation, table_values

__all__ = ["ShapModel"]


class ShapModel:
    """Mixin of the estimators whose raw prediction is a sum, or a mean, over trees.

    A subclass says what there is to explain by `_explained_forest` and `_explained_rows`.
    """

    def _explained_forest(self):
        """The trees, the constant that they are added to (n_outputs,), and a factor of their values."""
        raise AssertionError("a subclass has its own")

    def _explained_rows(self, X):
        """X as `Planes` of the features that the trees split on, and the number of threads to use."""
        raise AssertionError("a subclass has its own")

    def _explained_features(self):
        """The model's feature behind each feature of the forest, if they are not the same."""
        return None

    def shap_values(self, X, background=None):
        """SHAP values: what each feature of a row has added to its prediction [1]_.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        background : array-like, data frame or sparse matrix of shape (n_others, n_features), optional
            What a row is compared with. None (path-dependent values): a feature that is not known goes both
            ways of a split, as the training rows did. Rows (interventional values): a feature that is not
            known has the values that it has in these rows, whatever the other features are; the values add
            up to the difference from the mean prediction for the background. A hundred rows will do, and
            many more cost little.

        Returns
        -------
        values : float64 ndarray of shape (n_samples, n_features) or (n_samples, n_features, n_outputs)
            Gradient boosting: of the scores before the link function, the last axis for more than two classes
            only. Trees and forests: of the mean target, or of the probabilities of all classes (last axis); a
            list of such for several outputs of a classifier. With `expected_value` they add up to the
            prediction (without a base margin), to about 1e-14 of its size.

        Raises
        ------
        ValueError
            If X or the background has no rows, or other features than at `fit`.
        NotFittedError
            If the model is not fitted.

        Notes
        -----
        Exact at any depth: integrals in place of the sums over subsets, with as many points as the tree
        needs. The same bits on any number of threads.

        References
        ----------
        .. [1] S. Lundberg, G. Erion, H. Chen et al. "From local explanations to global understanding with
           explainable AI for trees." Nature Machine Intelligence 2, 2020.
        """
        return self._shaped(self._explain(X, False, background)[0])

    def shap_interaction_values(self, X):
        """SHAP interaction values: a row's SHAP values, split into effects of features and of pairs of them.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        values : float64 ndarray of shape (n_samples, n_features, n_features)
            Or with outputs as the last axis, as in `shap_values`. Symmetric; the effect of a pair is in two
            equal halves, a feature's own on the diagonal. Lines add up to the SHAP values. Takes
            8 n_features^2 bytes a row and output.

        Raises
        ------
        ValueError
            If X has no rows, or other features than at `fit`.
        MemoryError
            If the answer would be larger than the machine's memory.
        NotFittedError
            If the model is not fitted.
        """
        return self._shaped(self._explain(X, True)[0])

    @property
    def expected_value(self):
        """What SHAP values are counted from: float, or float64 ndarray of shape (n_outputs,).

        The mean prediction over the rows that each tree was grown from (of several outputs of a classifier: a
        list).
        """
        self._check_fitted()
        forest, base, factor = self._explained_forest()
        return self._shaped_expected(base + factor * expected_values(forest))

    def explain(self, X, background=None):
        """SHAP values of rows with all that a picture of them needs.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        background : array-like, data frame or sparse matrix of shape (n_others, n_features), optional
            As in `shap_values`. ``base_values`` are the mean prediction for it.

        Returns
        -------
        explanation : shap.Explanation
            If the shap package is installed: for its ``shap.plots``. Else a
            :class:`fastml.inspection.Explanation` with the same attributes: ``values`` as from `shap_values`,
            ``base_values``, ``data``, ``feature_names``, ``output_names``.

        Raises
        ------
        ValueError
            If X or the background has no rows, or other features than at `fit`; or for several outputs of a
            classifier.
        NotFittedError
            If the model is not fitted.
        """
        values, expected = self._explain(X, False, background)
        values, expected = self._shaped(values), self._shaped_expected(expected)
        if isinstance(values, list):
            raise ValueError(
                "explain is for one output; shap_values has the values of each of the "
                f"{len(values)} outputs of this classifier"
            )
        base = np.broadcast_to(np.asarray(expected), (len(values), *np.shape(expected))).copy()
        names = getattr(self, "feature_names_in_", getattr(self, "feature_names_", None))
        if names is None:
            names = getattr(X, "columns", [f"x{j}" for j in range(self.n_features_in_)])
        classes = getattr(self, "classes_", None)
        outputs = None
        if values.ndim == 3:
            outputs = range(values.shape[2]) if classes is None else classes
        return make_explanation(
            values,
            base,
            table_values(X),
            [str(name) for name in names],
            None if outputs is None else [str(name) for name in outputs],
        )

    def _compute_partial_dependence_recursion(self, grid, target_features):
        """Mean prediction at each point of a grid, other features averaged over the training rows.

        Parameters
        ----------
        grid : array of shape (n_points, n_target_features)
        target_features : integer array of shape (n_target_features,)

        Returns
        -------
        float64 array of shape (n_outputs, n_points)
            Of two classes with probabilities the second one's only, as a decision function has it.
        """
        grid, features = np.asarray(grid), np.asarray(target_features)
        dtype = np.float64 if grid.dtype.kind in "biuf" else object
        table = np.full((len(grid), self.n_features_in_), np.nan, dtype=dtype)
        table[:, features] = grid
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            rows, n_threads = self._explained_rows(table)
        forest, base, factor = self._explained_forest()
        sums = base + factor * known_values(forest, rows, features, n_threads, self._explained_features())
        return sums[:, 1:].T if getattr(forest, "n_classes", None) == (2,) else sums.T

    def _explain(self, X, interactions, background=None):
        """Values with outputs as the last axis, and what they are counted from: (n_outputs,)."""
        self._check_fitted()
        rows, n_threads = self._explained_rows(X)
        forest, base, factor = self._explained_forest()
        owner = self._explained_features()
        _check_memory(rows.n_rows, self.n_features_in_, n_outputs(forest), interactions)
        if background is None:
            values, expected = shap_values(forest, rows, self.n_features_in_, interactions, n_threads, owner)
        else:
            try:
                others, _ = self._explained_rows(background)
            except ValueError as error:
                raise ValueError(f"background: {error}") from error
            values, expected = background_values(forest, rows, others, self.n_features_in_, n_threads, owner)
        if factor != 1:
            values *= factor
        return values, base + factor * expected

    def _shaped(self, values):
        """As users want it: without an axis of one output, in a list for several classifications."""
        parts = self._parts(values)
        return parts if len(parts) > 1 else parts[0][..., 0] if self._is_single(parts[0]) else parts[0]

    def _shaped_expected(self, expected):
        parts = self._parts(expected)
        return parts if len(parts) > 1 else float(parts[0][0]) if self._is_single(parts[0]) else parts[0]

    def _parts(self, values):
        """The classes of each output of a classifier; else one part."""
        n_classes = getattr(self, "n_classes_", None)
        if np.ndim(n_classes) == 0:
            return [values]
        return [np.ascontiguousarray(part) for part in np.split(values, np.cumsum(n_classes)[:-1], axis=-1)]

    def _is_single(self, part):
        """Whether the one output is a number, and not the probability of the only class."""
        return part.shape[-1] == 1 and getattr(self._explained_forest()[0], "n_classes", None) is None


def _check_memory(n_rows, n_features, n_outputs, interactions):
    """Refuse an answer that is larger than the machine's memory before any of it is written."""
    if not hasattr(os, "sysconf"):
        return
    row = 8 * n_outputs * n_features ** (2 if interactions else 1)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if n_rows * row > memory:
        what = "interactions" if interactions else "SHAP values"
        raise MemoryError(
            f"{what} of {n_rows} rows, {n_features} features and {n_outputs} output(s) take "
            f"{n_rows * row / 2**30:.1f} GiB, this machine has {memory / 2**30:.1f} GiB: ask for fewer rows "
            f"at once, {memory // (2 * row)} would take half of it"
        )
