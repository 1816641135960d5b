"""A tree model that was fitted by another library."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from fastml._engine.runtime.progress import RowProgress
from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.flat_trees import used_features
from fastml._engine.tree.planes import spread
from fastml._engine.tree.predict import apply, predict_raw
from fastml._engine.tree.predictor import CodePredictor
from fastml._engine.tree.shap_planes import CodePlanes, ValuePlanes
from fastml._engine.tree.table import Table, is_frame
from fastml._engine.tree.value_predictor import ValuePredictor
from fastml._engine.tree.value_rows import ValueRows
from fastml._engine.tree.walk import add_values, leaves
from fastml.inspection.shap import ShapModel
from fastml.inspection.trees import ShownTrees
from fastml.io import tree_model_state
from fastml.io.imported_trees import ImportedTrees

__all__ = ["TreeModel"]


class TreeModel(ShownTrees, ShapModel, BaseEstimator):
    """A model of another library, predicted by this one.

    Made by :func:`fastml.io.from_lightgbm`, :func:`fastml.io.from_xgboost`, :func:`fastml.io.from_catboost`
    and :func:`fastml.io.from_sklearn`, and loaded by :func:`fastml.load`; it cannot be fitted.

    Parameters
    ----------
    n_jobs : int, default=None
        Threads of prediction; None and -1 take all.
    verbose : int, default=0
        Whether a prediction of more than a second prints its progress and the time left, once a second. Set
        it with ``model.set_params(verbose=1)``.

    Attributes
    ----------
    origin_ : str
        Library and kind of the model, such as 'LightGBM binary'.
    n_features_in_ : int
    feature_names_ : list of str or None
        As the original knows them.
    n_outputs_ : int
        Columns of the raw score.
    n_trees_ : int
    classes_ : ndarray of shape (n_classes,)
        Only if the model was made from a classifier that knows its labels.

    Notes
    -----
    Every split decides every number, NaN included, as the original does; nothing is rounded. What may
    differ is the order and the precision in which the values of the leaves are summed: here in the order of
    the trees, in double.
    """

    _parameter_constraints: ClassVar[dict] = {"n_jobs": [None, Integral], "verbose": ["verbose"]}

    def __init__(self, *, n_jobs=None, verbose=0):
        self.n_jobs = n_jobs
        self.verbose = verbose

    @classmethod
    def _made(cls, fitted, n_jobs=None):
        model = cls(n_jobs=n_jobs)
        vars(model).update(fitted)
        return model

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_forest")

    def __sklearn_clone__(self):
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier" if hasattr(self, "classes_") else "regressor"
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        return tags

    def fit(self, X, y=None):
        """Does nothing: the model is fitted, and stays as it is.

        Tools of scikit-learn that inspect a model ask for this method.

        Returns
        -------
        TreeModel
            itself
        """
        return self

    # -- what the model is

    @property
    def n_outputs_(self):
        """Columns of the raw score."""
        return self._baseline.size

    @property
    def n_trees_(self):
        """Number of trees."""
        return self._forest.n_trees

    @property
    def estimators_(self):
        """The trees as fitted estimators of `fastml.tree`, made when they are asked for.

        Each has ``tree_``, with the arrays that scikit-learn's tools read, and works with
        :func:`fastml.tree.export_text` and its like. Its prediction is what the tree adds to the raw score;
        trees and forests of classifiers give shares of the classes. Nodes have the numbers of the original
        where those are 0 to n - 1 (scikit-learn, XGBoost). Counts and weights are the original's, values of
        inner nodes and impurities those of the leaves below, as the training rows are not known.

        Returns
        -------
        sequence of DecisionTreeRegressor or DecisionTreeClassifier
            A ValueError is raised for a tree that is asked for and has a split that one threshold cannot
            tell: by categories, or where a number stands for missing values.
        """
        self._check_fitted()
        return ImportedTrees(self)

    @property
    def tree_(self):
        """The tree node by node, of a model that has just one: `fastml.tree.arrays.TreeArrays`.

        Raises
        ------
        AttributeError
            If the model has several trees, or none.
        ValueError
            If a split cannot be told by a threshold, see `estimators_`.
        """
        self._check_fitted()
        if self.n_trees_ != 1:
            raise AttributeError(f"a model of {self.n_trees_} trees has no tree_; see estimators_[i].tree_")
        return self.estimators_[0].tree_

    def __repr__(self, N_CHAR_MAX=700):
        if not hasattr(self, "_forest"):
            return "TreeModel()"
        return f"<TreeModel of {self.origin_}: {self.n_trees_} trees, {self.n_features_in_} features>"

    # -- reading X

    def _read(self, X):
        """X as the engine reads it, with a column for each plane; None if it has no rows."""
        if is_frame(X):
            self._check_names(list(Table(X).names))
            X = self._categories.transform(Table(X))
        elif not sparse.issparse(X) and type(X) is not np.ndarray:
            X = np.asarray(X)
        if not isinstance(X, list):
            if X.ndim != 2:
                raise ValueError(f"X must have two dimensions (rows, features), got shape {X.shape}")
            if X.dtype == object:
                X = X.astype(np.float64)
            if X.shape[1] != self.n_features_in_:
                raise ValueError(
                    f"X has {X.shape[1]} features, but this model expects {self.n_features_in_} features as "
                    f"input"
                )
            if X.shape[0] == 0:
                return None
        elif len(X) and len(X[0]) == 0:
            return None
        if self._is_plain and not isinstance(X, list):
            return X
        return spread(X, self._planes, self.n_features_in_)

    def _check_names(self, names):
        if len(names) != self.n_features_in_:
            raise ValueError(
                f"X has {len(names)} features, but this model expects {self.n_features_in_} features as input"
            )
        known = self.feature_names_
        if known is not None and [str(name) for name in names] != known:
            first = next(i for i, name in enumerate(names) if str(name) != known[i])
            raise ValueError(
                f"The feature names of X should match those that the model was fitted with: column {first} "
                f"is {names[first]!r}, expected {known[first]!r}"
            )

    @property
    def _is_plain(self):
        planes = self._planes
        return planes.size == self.n_features_in_ and planes[-1] == planes.size - 1

    # -- prediction

    def _scores(self, X):
        """Raw scores: float64 array of shape (n_rows, n_outputs)."""
        rows = self._read(X)
        if rows is None:
            return np.empty((0, self.n_outputs_))
        n_threads, progress = resolve_n_jobs(self.n_jobs), RowProgress.of(self.verbose)
        if isinstance(self._forest, CartForest):
            values = ValueRows(rows, None, self._forest.used_features())
            raw = np.tile(self._baseline, (values.n_rows, 1))
            add_values(self._forest, values, raw, n_threads=n_threads, progress=progress)
        else:
            raw = predict_raw(self._forest, self._mapper, rows, n_threads=n_threads, progress=progress)
        return raw

    def _divided(self, raw):
        """What the link is applied to: raw scores, divided where the model is a mean of trees."""
        return raw if self._divisor == 1.0 else raw / self._divisor

    def _answer(self, raw, n_threads=1):
        raw = self._divided(raw)
        if hasattr(self, "classes_"):
            return self.classes_[self._link.probabilities(raw, n_threads).argmax(axis=1)]
        response = self._link.response(raw, n_threads)
        return response[:, 0] if response.ndim == 2 and response.shape[1] == 1 else response

    def predict_raw(self, X):
        """The sum of the trees: what the original calls raw score, margin or decision function.

        Of a forest, too, it is the sum; `predict` and `predict_proba` divide it by the number of trees.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Absent values of a sparse matrix are 0.

        Returns
        -------
        float64 array of shape (n_samples,) or (n_samples, n_outputs)

        Raises
        ------
        ValueError
            If X has another number of features or other names than the model, or holds text that the model
            does not know.
        """
        raw = self._scores(X)
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def predict(self, X):
        """What ``predict`` of the original returns.

        Of a classifier that knows its labels, the label of the most probable class; else the transformed
        score (for a LightGBM or XGBoost booster of a classification objective that is the probability).

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._answer(self._scores(X), resolve_n_jobs(self.n_jobs))

    def predict_proba(self, X):
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples, n_classes)

        Raises
        ------
        AttributeError
            If the model is not one of classes.
        """
        if not self._link.gives_probabilities:
            raise AttributeError(f"a model of {self.origin_} has no probabilities; use predict")
        return self._link.probabilities(self._divided(self._scores(X)), resolve_n_jobs(self.n_jobs))

    def predictor(self, kind="predict"):
        """A function that predicts single rows in a few microseconds.

        It checks the type and the width of what it is given and nothing else, takes no memory but the
        result's, and may be called from many threads at once, which then run at the same time.

        Parameters
        ----------
        kind : {'predict', 'predict_proba', 'raw'}, default='predict'
            The method whose answer is wanted; 'raw': the sum of the trees.

        Returns
        -------
        predict : callable
            Takes one argument, a native float64 or float32 array of shape (n_features,), which is a table
            of one row, or (n_rows, n_features), in any order and with any strides; NaN is missing. Returns,
            equal to the method to the bit,

            - 'predict': labels of the dtype of ``classes_`` where the model knows them, else float64, of
              shape (n_rows,) or (n_rows, n_outputs);
            - 'predict_proba': float64 of shape (n_rows, n_classes);
            - 'raw': float64 of shape (n_rows, n_outputs).

            Calling it raises TypeError if the argument is no array of these types, and ValueError if it has
            another number of features or of dimensions. It cannot be pickled (TypeError): pickle the model.

        Raises
        ------
        ValueError
            For an unknown kind, and for 'predict_proba' of a model that is not one of classes.
        """
        finish = {"raw": None, "predict": self._answer}
        if self._link.gives_probabilities:
            finish["predict_proba"] = lambda raw: self._link.probabilities(self._divided(raw))
        if kind not in finish:
            raise ValueError(f"kind must be one of {', '.join(map(repr, finish))}, got {kind!r}")
        if isinstance(self._forest, CartForest):
            return ValuePredictor(
                self._forest, None, self.n_features_in_, self._baseline, 1.0, self._scores, finish[kind]
            )
        return CodePredictor(
            self._forest, self._mapper, self._planes, self.n_features_in_, self._scores, finish[kind]
        )

    def apply(self, X):
        """Leaf that each row reaches in each tree.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        int32 array of shape (n_samples, n_trees)
            In the numbers of the original: of leaves (LightGBM, CatBoost) or of nodes (XGBoost,
            scikit-learn) inside the tree.
        """
        rows = self._read(X)
        if rows is None:
            return np.empty((0, self.n_trees_), dtype=np.int32)
        n_threads, progress = resolve_n_jobs(self.n_jobs), RowProgress.of(self.verbose)
        if isinstance(self._forest, CartForest):
            values = ValueRows(rows, None, self._forest.used_features())
            found = leaves(self._forest, values, n_threads=n_threads, progress=progress)
            first = self._forest.arrays()["node_offsets"][:-1]
        else:
            found = apply(self._forest, self._mapper, rows, n_threads=n_threads, progress=progress)
            first = self._forest.arrays()["tree_offsets"][:-1]
        return self._numbers[found + first]

    # -- explanation: of the scores before the link

    def _check_fitted(self):
        check_is_fitted(self)

    def _explained_forest(self):
        return self._forest, self._baseline / self._divisor, 1.0 / self._divisor

    def _explained_features(self):
        return None if isinstance(self._forest, CartForest) else self._planes

    def _explained_rows(self, X):
        rows = self._read(X)
        if rows is None:
            raise ValueError("there is nothing to explain: the table has no rows")
        used = used_features(self._forest)
        if isinstance(self._forest, CartForest):
            planes = ValuePlanes(ValueRows(rows, None, used), used)
        else:
            planes = CodePlanes(rows, self._mapper, used)
        return planes, resolve_n_jobs(self.n_jobs)

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
        return tree_model_state.get_state(self)

    def _set_model_state(self, values, arrays):
        tree_model_state.set_state(self, values, arrays)

    def _describe_forest(self):
        return tree_model_state.describe_forest(self)

    def __getstate__(self):
        values, arrays = self._get_model_state()
        return {"parameters": self.get_params(deep=False), "values": values, "arrays": arrays}

    def __setstate__(self, state):
        self.__init__(**state["parameters"])
        self._set_model_state(state["values"], state["arrays"])
