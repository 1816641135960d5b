"""What a node of a classification or regression tree consists of, and how the values of leaves are kept.

`CartForest` keeps such nodes, `validate_cart` judges those of a file.
"""

from __future__ import annotations

import numpy as np

__all__ = ["CATEGORIES", "FEATURE", "LEAF", "MISSING_LEFT", "NODE", "LeafKind"]

NODE = np.dtype([("threshold", np.float64), ("right", np.uint32), ("feature", np.int32)])
LEAF = np.iinfo(np.int32).min
FEATURE, MISSING_LEFT, CATEGORIES = (1 << 28) - 1, 1 << 28, 1 << 29


class LeafKind:
    """How the values of leaves are kept; which of them depends on the targets alone.

    Attributes
    ----------
    NUMBER : str
        One number: the mean or median of one regression target; the share of the second of two classes.
    CLASS : str
        The number of the class in a pure leaf, else the place of a list of (class, weight).
    VECTOR : str
        Several outputs: one line of numbers a leaf.
    """

    NUMBER, CLASS, VECTOR = "number", "class", "vector"

    @staticmethod
    def of(n_classes: tuple[int, ...] | None, n_outputs: int) -> str:
        if n_outputs > 1:
            return LeafKind.VECTOR
        return LeafKind.NUMBER if n_classes is None or n_classes[0] == 2 else LeafKind.CLASS
