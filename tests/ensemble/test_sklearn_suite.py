"""scikit-learn's own tests of HistGradientBoosting, run on fastml's estimators.

The test modules of the installed scikit-learn are read as text, the names of the classes are made to mean
fastml's, and pytest collects the functions here. What is left out, and why, is listed in README.md.
"""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn

import fastml.ensemble

_PACKAGE = "sklearn.ensemble._hist_gradient_boosting"

# README.md says for each why it is left out and what covers the same here.
LEFT_OUT = {
    "test_gradient_boosting": {
        "test_binning_train_validation_are_separated",
        "test_small_trainset",
        "test_sum_hessians_are_sample_weight",
        "test_custom_loss",
        "test_dataframe_categorical_results_same_as_ndarray",
        "test_different_bitness_pickle",
        "test_different_bitness_joblib_pickle",
        "test_sample_weight_effect",
    },
    "test_warm_start": set(),
}

_ALIASES = [
    (
        r"from sklearn\.ensemble import \(\s*HistGradientBoostingClassifier,\s*"
        r"HistGradientBoostingRegressor,\s*\)",
        f"from {__name__} import HistGradientBoostingClassifier, HistGradientBoostingRegressor",
    ),
    (
        rf"import {re.escape(_PACKAGE)}\.gradient_boosting as hgb_module",
        "import fastml.ensemble.boosting_rounds as hgb_module",
    ),
]


class _Tree:
    """A tree of the forest with the names under which scikit-learn's tests look into theirs."""

    def __init__(self, tree, mapper):
        fields = [("value", float), ("count", np.int64), ("feature_idx", np.int32), ("num_threshold", float)]
        self.nodes = np.zeros(tree["value"].size, dtype=fields)
        for field, own in zip(
            self.nodes.dtype.names, ("value", "count", "feature", "threshold"), strict=True
        ):
            self.nodes[field] = np.nan_to_num(tree[own])
        self._tree = tree
        splits = np.flatnonzero(tree["category_set"] >= 0)
        self.raw_left_cat_bitsets = [self._left_categories(node, mapper) for node in splits]

    def _left_categories(self, node, mapper):
        bits = np.unpackbits(self._tree["category_sets"][self._tree["category_set"][node]], bitorder="little")
        values = mapper.categories_[self._tree["feature"][node]]
        left = values[bits[1 : 1 + values.size] == 1]
        words = np.zeros(8, dtype=np.uint32)
        for value in left.astype(int):
            words[value // 32] |= np.uint32(1 << (value % 32))
        return words

    def get_n_leaf_nodes(self):
        return np.count_nonzero(self._tree["left"] < 0)

    def get_max_depth(self):
        depth = np.zeros(self.nodes.size, dtype=int)
        for node in np.flatnonzero(self._tree["left"] >= 0):  # children come after their parent
            depth[[self._tree["left"][node], self._tree["right"][node]]] = depth[node] + 1
        return depth.max()


class _LooksInside:
    @property
    def _predictors(self):
        trees = [_Tree(self._forest.tree(i), self._bin_mapper) for i in range(self._forest.n_trees)]
        per_round = self.n_trees_per_iteration_
        return [trees[i : i + per_round] for i in range(0, len(trees), per_round)]


class HistGradientBoostingClassifier(_LooksInside, fastml.ensemble.GradientBoostingClassifier):
    pass


class HistGradientBoostingRegressor(_LooksInside, fastml.ensemble.GradientBoostingRegressor):
    pass


def _tests_of(name):
    """Functions of one of scikit-learn's test modules, with the classes swapped."""
    spec = importlib.util.find_spec(f"{_PACKAGE}.tests.{name}")
    if spec is None:
        pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
    source = Path(spec.origin).read_text()
    for pattern, replacement in _ALIASES[: 2 if name == "test_gradient_boosting" else 1]:
        source, n_replaced = re.subn(pattern, replacement, source)
        assert n_replaced == 1, f"{name} of scikit-learn {sklearn.__version__} imports its classes otherwise"
    module = {"__name__": f"{__name__}.{name}", "__file__": spec.origin}
    exec(compile(source, spec.origin, "exec"), module)
    tests = {key: value for key, value in module.items() if key.startswith("test_")}
    unknown = LEFT_OUT[name] - set(tests)
    assert not unknown, f"left out, but not in scikit-learn {sklearn.__version__}: {unknown}"
    return {key: value for key, value in tests.items() if key not in LEFT_OUT[name]}


for _name in LEFT_OUT:
    globals().update(_tests_of(_name))


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture: the seed that its own runs use by default."""
    return 42
