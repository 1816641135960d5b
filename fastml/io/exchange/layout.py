"""Foreign trees laid out for the engine: thresholds become codes of planes, or stay numbers.

Codes decide every number as the original does (`fastml._engine.tree.plane_layout`). Trees so large that
coding would cost more than walking them keep their thresholds (`CartForest`).
"""

from __future__ import annotations

import numpy as np

from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.plane_layout import PlaneLayout
from fastml.io.errors import ModelFileError

__all__ = ["lay_out"]

# Planes per feature that is split on, beyond which trees of one threshold a node are walked by value.
MOST_PLANES = 8


def lay_out(foreign, baseline):
    """The engine's forest of foreign trees.

    Parameters
    ----------
    foreign : ForeignForest
        Finished.
    baseline : float64 array of shape (n_outputs,)
        What the trees are added to.

    Returns
    -------
    forest : Forest or CartForest
    mapper : BinMapper or None
        Of the planes; None for a CartForest.
    planes : int32 array
        Feature of each plane; the first n_features are the features themselves unless there are far too many.
    """
    if foreign.width > 1:
        if foreign.sets:
            raise ModelFileError("trees with several values a leaf and splits by category cannot be imported")
        return _by_value(foreign)
    layout = PlaneLayout(foreign.arrays, foreign.sets, foreign.n_features)
    if not foreign.sets and foreign.n_outputs == 1 and layout.n_planes > MOST_PLANES * layout.n_used:
        return _by_value(foreign)
    return layout.forest(foreign.offsets, foreign.output, baseline, foreign.arrays)


def _by_value(foreign):
    """Trees that compare values: leaves of one number, or of one number per output."""
    forest = CartForest("squared_error", None, foreign.width)
    arrays = foreign.arrays
    for lo, hi in zip(foreign.offsets[:-1], foreign.offsets[1:], strict=True):
        tree = {name: array[lo:hi] for name, array in arrays.items()}
        count = np.clip(tree["count"], 0, 2**32 - 1).astype(np.int64)
        forest.append(
            {
                "left": tree["left"].astype(np.int32),
                "right": tree["right"].astype(np.int32),
                "feature": tree["feature"].astype(np.int32),
                "threshold": tree["threshold"],
                "missing_left": tree["missing_left"].astype(np.uint8),
                "category_set": np.full(hi - lo, -1, dtype=np.int32),
                "category_sets": np.empty((0, 32), dtype=np.uint8),
                "count": count,
                "weight": np.maximum(tree["weight"], 0.0) if (tree["weight"] > 0).any() else count,
                "value": tree["value"].reshape(hi - lo, -1),
                "impurity": np.zeros(hi - lo),
            }
        )
    return forest, None, np.arange(foreign.n_features, dtype=np.int32)
