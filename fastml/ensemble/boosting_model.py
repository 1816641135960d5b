"""A fitted boosting model: prediction, inspection, saving. How it is fitted is in `boosting_base`."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from fastml._engine.runtime.progress import RowProgress
from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._engine.tree.flat_trees import used_features
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.predict import apply, predict_raw, staged_predict_raw
from fastml._engine.tree.predictor import CodePredictor
from fastml._engine.tree.shap_planes import CodePlanes
from fastml._engine.tree.table import Table
from fastml._input.tables import check_table
from fastml._input.targets import check_margin
from fastml.ensemble import boosting_state
from fastml.inspection.shap import ShapModel
from fastml.inspection.trees import ShownTrees

__all__ = ["BoostingModel"]


class BoostingModel(ShownTrees, ShapModel):
    """Mixin with everything that needs only the fitted attributes.

    Attributes
    ----------
    _forest : Forest
    _bin_mapper : BinMapper
    _categories : CategoryEncoder
    _objective : Objective
    """

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_forest")

    def _check_fitted(self):
        if not hasattr(self, "_forest"):  # the quick question first: prediction of one row must be fast
            check_is_fitted(self)

    @property
    def n_iter_(self):
        """Rounds in the model."""
        self._check_fitted()
        return self._forest.n_trees // self.n_trees_per_iteration_

    # -- reading X

    def _check_X(self, X, *, reset):
        """Check the shape and the names of X; return it as something that `Table` reads, or sparse.

        Sets ``n_features_in_`` and ``feature_names_in_`` if ``reset``, else compares with them.
        """
        return check_table(
            self, X, self.categorical_features if reset else self._categories.categories_, reset=reset
        )

    def _read_X(self, X):
        """X as the BinMapper reads it."""
        X = self._check_X(X, reset=False)
        if sparse.issparse(X) or (type(X) is np.ndarray and not self._categories.categories_):
            return X
        return self._categories.transform(Table(X))

    # -- prediction

    def _raw_predict(self, X, base_margin=None):
        """Sum of the trees.

        Returns
        -------
        float64 array of shape (n_rows, n_trees_per_iteration_)
        """
        self._check_fitted()
        data = self._read_X(X)
        raw = predict_raw(
            self._forest, self._bin_mapper, data, resolve_n_jobs(self.n_jobs),
            progress=RowProgress.of(self.verbose),
        )  # fmt: skip
        return self._with_margin(raw, base_margin)

    def _with_margin(self, raw, base_margin):
        margin = check_margin(base_margin, raw.shape[0], raw.shape[1])
        return raw if margin is None else raw + margin.T

    def _staged_raw_predict(self, X, base_margin=None):
        """Scores after every round: generator of float64 arrays of shape (n_rows, n_trees_per_iteration_)."""
        self._check_fitted()
        data = self._read_X(X)
        n_threads = resolve_n_jobs(self.n_jobs)
        for raw in staged_predict_raw(self._forest, self._bin_mapper, data, n_threads=n_threads):
            yield self._with_margin(raw, base_margin)

    @contextmanager
    def _scores_given(self, raw):
        """Make the prediction methods answer from these scores, whatever X they are given.

        A scorer that is computed after every round would otherwise predict with all trees again.
        """
        own = vars(self).get("_raw_predict")
        self._raw_predict = lambda X, base_margin=None: raw
        try:
            yield
        finally:
            del self._raw_predict
            if own is not None:
                self._raw_predict = own

    def apply(self, X):
        """Leaf that each row reaches in each tree.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        leaves : int32 array of shape (n_samples, n_iter) or (n_samples, n_iter, n_classes)
            Node number inside the tree; the last axis only if there are several trees per round.
        """
        self._check_fitted()
        data = self._read_X(X)
        leaves = apply(
            self._forest, self._bin_mapper, data, resolve_n_jobs(self.n_jobs),
            progress=RowProgress.of(self.verbose),
        )  # fmt: skip
        n_outputs = self.n_trees_per_iteration_
        return leaves if n_outputs == 1 else leaves.reshape(leaves.shape[0], -1, n_outputs)

    def predictor(self, kind="predict"):
        """A function that predicts single rows in a few microseconds.

        It checks the type and the width of what it is given and nothing else, takes no memory but the
        result's, and may be called from many threads at once, which then run at the same time. It keeps the
        model as it is now: a later fit does not change it.

        Parameters
        ----------
        kind : {'predict', 'predict_proba', 'raw'}, default='predict'
            The method whose answer is wanted; 'raw': scores before the link function.

        Returns
        -------
        predict : callable
            Takes one argument, a native float64 or float32 array of shape (n_features,), which is a table
            of one row, or (n_rows, n_features), in any order and with any strides; NaN is missing,
            categories are given as numbers. Returns, equal to the method to the bit,

            - 'predict': labels of the dtype of ``classes_``, or float64, of shape (n_rows,);
            - 'predict_proba': float64 of shape (n_rows, n_classes);
            - 'raw': float64 of shape ``(n_rows, n_trees_per_iteration_)``.

            Calling it raises TypeError if the argument is no array of these types, and ValueError if it has
            another number of features or of dimensions. It cannot be pickled (TypeError): pickle the model.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            For an unknown kind, for 'predict_proba' of a regressor, and if the model was fitted on columns of
            text: a row of numbers cannot hold it.
        """
        self._check_fitted()
        if self._categories.categories_:
            raise ValueError(
                "the model was fitted on columns of text, which a predictor does not read; use predict"
            )
        # what a later fit replaces is kept as it is now
        kept = SimpleNamespace(_objective=self._objective, classes_=getattr(self, "classes_", None))
        finish = {"raw": None}
        if kept.classes_ is None:
            finish["predict"] = lambda raw: kept._objective.inverse_link(raw.T)
        else:
            finish["predict"] = partial(type(self)._most_likely, kept)
            finish["predict_proba"] = partial(type(self)._probabilities, kept)
        if kind not in finish:
            raise ValueError(f"kind must be one of {', '.join(map(repr, finish))}, got {kind!r}")
        forest, bins, n_jobs = Forest.from_arrays(self._forest.arrays()), self._bin_mapper, self.n_jobs

        def many(X):
            return predict_raw(forest, bins, X, n_threads=resolve_n_jobs(n_jobs))

        planes = np.arange(self.n_features_in_, dtype=np.int32)
        return CodePredictor(forest, bins, planes, self.n_features_in_, many, finish[kind])

    # -- inspection

    @property
    def feature_importances_(self):
        """Gain of all splits of each feature, normalised to a sum of 1 (zeros if there is no split)."""
        return self.importance("gain")

    def importance(self, kind="gain", X=None, y=None, *, normalize=None, **options):
        """How much each feature matters.

        Parameters
        ----------
        kind : {'gain', 'split', 'cover', 'permutation'}, default='gain'
            'gain': sum of the gains of the feature's splits; 'split': their number; 'cover': sum of the
            hessians of the rows that they split; 'permutation': loss of score when the feature's
            values are shuffled (:func:`sklearn.inspection.permutation_importance`).
        X, y : array-like
            Rows that the score is computed on; only for 'permutation', and needed there.
        normalize : bool, default=None
            Whether to divide by the sum. None: yes, except for 'permutation'.
        **options
            Passed to :func:`sklearn.inspection.permutation_importance` (scoring, n_repeats, random_state,
            sample_weight, ...).

        Returns
        -------
        importance : ndarray of shape (n_features,)

        Raises
        ------
        ValueError
            For an unknown kind, if X and y are missing for 'permutation', or given for another kind.
        """
        self._check_fitted()
        if kind == "permutation":
            if X is None or y is None:
                raise ValueError("importance(kind='permutation') needs X and y to compute scores on.")
            from sklearn.inspection import permutation_importance

            values = permutation_importance(self, X, y, **options).importances_mean
        elif X is not None or y is not None or options:
            raise ValueError(f"X, y and further options are for kind='permutation', not kind={kind!r}.")
        else:
            values = self._forest.importance(kind, self.n_features_in_)
        if normalize is None:
            normalize = kind != "permutation"
        total = values.sum()
        return values / total if normalize and total else values

    def _explained_forest(self):
        return self._forest, self._forest.baseline, 1.0

    def _explained_rows(self, X):
        planes = CodePlanes(self._read_X(X), self._bin_mapper, used_features(self._forest))
        return planes, resolve_n_jobs(self.n_jobs)

    def plot_learning_curve(self, **options):
        """Draw scores against rounds with matplotlib; see :func:`fastml.plot.plot_learning_curve`."""
        self._check_fitted()
        from fastml.plot import plot_learning_curve

        return plot_learning_curve(self, **options)

    def save(self, path):
        """Write the model to a file that :func:`fastml.load` reads.

        Parameters
        ----------
        path : str, os.PathLike or binary file object
        """
        from fastml.io import save

        save(self, path)

    # What `fastml.io` asks of an estimator; `boosting_state` knows the answers.

    def _get_model_state(self):
        return boosting_state.get_state(self)

    def _set_model_state(self, values, arrays):
        boosting_state.set_state(self, values, arrays)

    def __setstate__(self, state):
        super().__setstate__(state)
        if hasattr(self, "_forest"):
            boosting_state.check_pickled(self)

    def _describe_forest(self):
        return boosting_state.describe_forest(self)
