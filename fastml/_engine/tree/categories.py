"""Categories of a table's columns as small numbers.

Columns of numbers go to the BinMapper as they are, categorical ones too: it finds their distinct values
itself. Only labels (text, categorical dtypes) need a number first, and this is where they get it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fastml._engine.tree.table import Labels, Table

__all__ = ["CategoryEncoder"]


class CategoryEncoder:
    """Numbers for the labels of categorical columns, learned from the training table.

    Attributes
    ----------
    categories_ : dict of int to list
        For each column that held labels, its distinct labels in sorted order; the number of a label is its
        place. Labels that the dtype lists but no row holds are not among them.
    """

    def __init__(self) -> None:
        self.categories_: dict[int, list] = {}
        self._index: dict[int, dict] = {}

    def fit(self, table: Table, is_categorical: np.ndarray | None) -> CategoryEncoder:
        """Learn the labels of the categorical columns that hold labels.

        Parameters
        ----------
        table : Table
        is_categorical : bool array of shape (n_columns,) or None
        """
        for j in np.flatnonzero(is_categorical) if is_categorical is not None else ():
            column = table.column(int(j))
            if isinstance(column, Labels):
                counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.values))
                self._set(int(j), _sorted([v for v, n in zip(column.values, counts, strict=True) if n]))
        return self

    def transform(self, table: Table):
        """What the BinMapper reads: the matrix itself, or a list of one array per column.

        Labels become float32 numbers, NaN where they are missing or were not seen in training.

        Raises
        ------
        ValueError
            If a column that is not categorical holds text.
        """
        if not self.categories_:
            matrix = table.numeric_matrix()
            if matrix is not None:
                return matrix
        return [self._numbers(table, j) for j in range(table.shape[1])]

    def _numbers(self, table, j):
        if j not in self.categories_:
            return table.numbers(j)
        column = table.column(j)
        if not isinstance(column, Labels):
            distinct, codes = np.unique(
                column, return_inverse=True
            )  # NaN is no category: looked up as unknown
            column = Labels(codes, distinct.tolist())
        index = self._index[j]
        lookup = np.array([index.get(v, np.nan) for v in column.values] + [np.nan], dtype=np.float32)
        return lookup[column.codes]

    def _set(self, j, categories):
        self.categories_[j] = categories
        self._index[j] = {label: number for number, label in enumerate(categories)}

    def get_state(self) -> dict[str, np.ndarray]:
        """Arrays that `from_state` takes back: one object array of labels per column, named by its index."""
        state = {}
        for j, categories in self.categories_.items():
            state[str(j)] = np.empty(len(categories), dtype=object)
            state[str(j)][:] = categories
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray], n_columns: int) -> CategoryEncoder:
        """Make an encoder from arrays of unknown origin.

        Raises
        ------
        ValueError
            If a name is not the index of a column or its labels are not distinct texts or numbers.
        """
        encoder = cls()
        for name, labels in state.items():
            if not (name.isascii() and name.isdigit() and str(int(name)) == name and int(name) < n_columns):
                raise ValueError(f"categories are stored for column {name!r:.40} of {n_columns} columns")
            categories = np.asarray(labels).tolist()
            if np.ndim(labels) != 1 or not all(isinstance(v, (str, int, float, bool)) for v in categories):
                raise ValueError(f"the categories of column {name} must be a list of texts or numbers")
            if len(set(categories)) != len(categories):
                raise ValueError(f"the categories of column {name} are not distinct")
            encoder._set(int(name), categories)
        return encoder

    def __getstate__(self):
        return self.categories_

    def __setstate__(self, state):
        self.__init__()
        for j, categories in state.items():
            self._set(j, categories)


def _sorted(labels):
    try:
        return sorted(labels)
    except TypeError:  # text and numbers in one column
        return sorted(labels, key=lambda v: (type(v).__name__, str(v)))
