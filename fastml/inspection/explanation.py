"""SHAP values together with what a picture of them needs."""

from __future__ import annotations

import numpy as np
from scipy import sparse

__all__ = ["Explanation", "make_explanation", "table_values"]


class Explanation:
    """SHAP values of some rows, under the names that :class:`shap.Explanation` has for them.

    Parameters
    ----------
    values : float64 array of shape (n_rows, n_features) or (n_rows, n_features, n_outputs)
    base_values : float64 array of shape (n_rows,) or (n_rows, n_outputs)
        What the values of a row are counted from: with it they add up to the prediction.
    data : array of shape (n_rows, n_features) or None
        The rows.
    feature_names : list of str or None
    output_names : list of str or None
        Of several outputs.

    Notes
    -----
    An index selects rows, features and outputs, in this order: ``e[0]``, ``e[:, "age"]``, ``e[..., 1]``.
    """

    def __init__(self, values, base_values=None, data=None, feature_names=None, output_names=None):
        self.values = values
        self.base_values = base_values
        self.data = data
        self.feature_names = feature_names
        self.output_names = output_names

    @property
    def shape(self):
        """Shape of the values."""
        return self.values.shape

    def __len__(self):
        return len(self.values)

    def __repr__(self):
        return f"Explanation(shape={self.shape})"

    def __getitem__(self, index):
        index = index if isinstance(index, tuple) else (index,)
        if Ellipsis in index:
            at = index.index(Ellipsis)
            index = index[:at] + (slice(None),) * (self.values.ndim - len(index) + 1) + index[at + 1 :]
        rows, feature, output = (*index, *(slice(None),) * (3 - len(index)))[:3]
        feature = self._number(feature, self.feature_names, "feature")
        output = self._number(output, self.output_names, "output")
        values, base = self.values[rows], None if self.base_values is None else self.base_values[rows]
        if self.values.ndim == 2:
            values = values[..., feature]
        else:
            values = values[..., feature, :][..., output]
            base = None if base is None else base[..., output]
        names, outputs = self.feature_names, self.output_names
        return Explanation(
            values,
            base,
            None if self.data is None else self.data[rows][..., feature],
            names if names is None else _chosen(names, feature),
            outputs if outputs is None else _chosen(outputs, output),
        )

    @staticmethod
    def _number(index, names, what):
        if not isinstance(index, str):
            return index
        if names is None or index not in names:
            raise KeyError(f"there is no {what} {index!r}")
        return list(names).index(index)


def _chosen(names, index):
    found = np.asarray(names, dtype=object)[index]
    return found.tolist() if isinstance(found, np.ndarray) else found


def make_explanation(values, base_values, data, feature_names, output_names):
    """A :class:`shap.Explanation` where that package is installed, an `Explanation` elsewhere."""
    try:
        from shap import Explanation as Theirs
    except ImportError:
        return Explanation(values, base_values, data, feature_names, output_names)
    return Theirs(
        values=values,
        base_values=base_values,
        data=data,
        feature_names=feature_names,
        output_names=output_names,
    )


def table_values(X):
    """The cells of a table as an array, of objects if there is text; None if the table does not know them."""
    if sparse.issparse(X):
        return X.toarray()
    if hasattr(X, "to_numpy"):
        return X.to_numpy()
    if hasattr(X, "to_pandas"):
        return X.to_pandas().to_numpy()
    return None if hasattr(X, "is_categorical_") else np.asarray(X)
