"""Single rows through trees side by side, against the one-row-at-a-time walk, to the last bit."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fastml._engine.tree import predictor
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.predict import pack_of, predict_raw
from fastml._engine.tree.predictor import CodePredictor
from fastml._engine.tree.single_row import SingleRowPack, single_row_pack_of
from tests.reference import predict as reference


def mapper_of(n_features, n_values, categorical=(), seed=0):
    """A mapper with up to so many bins, and the rows that it was fitted on."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, n_values, size=(2000, n_features)) / 4 - 3
    is_categorical = np.zeros(n_features, dtype=bool)
    is_categorical[list(categorical)] = True
    X[:, is_categorical] = rng.integers(0, 40, size=(2000, is_categorical.sum()))
    return BinMapper(categorical=is_categorical, random_state=0).fit(X), X


def forest_of(mapper, n_leaves, n_outputs=1, seed=0, set_runs=None):
    rng = np.random.default_rng(seed)
    forest = Forest(n_outputs, rng.normal(size=n_outputs))
    shapes = ("random", "chain", "balanced")
    for i, n in enumerate(n_leaves):
        tree = reference.random_tree(rng, mapper.n_codes_, mapper.is_categorical_, n, shapes[i % 3], set_runs)
        forest.append(tree, i % n_outputs)
    return forest


def odd_rows(X, n=40):
    """Rows of values that lie on thresholds and between them, are missing, or without end."""
    rng = np.random.default_rng(1)
    rows = X[rng.integers(len(X), size=n)] + rng.choice([0.0, 0.0, 1e-9, 0.1, -0.1], size=(n, X.shape[1]))
    for odd in (np.nan, np.inf, -np.inf, 1e300, -0.0):
        rows[rng.random(rows.shape) < 0.05] = odd
    rows[0], rows[1], rows[2] = np.nan, np.inf, -np.inf
    return rows


@pytest.fixture
def side_by_side(monkeypatch):
    """Trees are laid side by side whatever it costs."""
    monkeypatch.setattr(
        predictor,
        "single_row_pack_of",
        lambda arrays, mapper, reads, ns: SingleRowPack(arrays, mapper, reads, 1e9),
    )


def check(forest, mapper, rows, planes=None, n_features=None):
    planes = np.arange(mapper.n_features, dtype=np.int32) if planes is None else planes
    n_features = mapper.n_features if n_features is None else n_features
    predict = CodePredictor(forest, mapper, planes, n_features, None)
    with np.errstate(over="ignore"):
        single = rows.astype(np.float32)
    for table in (rows, single, np.asfortranarray(rows), rows[:, ::-1][:, ::-1]):
        codes = mapper.codes(np.ascontiguousarray(table)[:, planes])
        expected = reference.predict_raw(forest.arrays(), codes)
        found = np.concatenate([predict(row) for row in table])
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "n_leaves",
    [
        [1],
        [2],
        [8] * 64,
        [8] * 65,
        [9, 1, 16] * 50,
        [31] * 70,
        [32] * 64 + [8] * 64 + [33] * 3,
        [64, 1, 63],
        list(range(1, 65)) * 3,
    ],
    ids=str,
)
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_equal_to_the_walk(isa, side_by_side, n_leaves, n_outputs):
    mapper, X = mapper_of(7, 60, categorical=[2, 6])
    check(forest_of(mapper, n_leaves, n_outputs), mapper, odd_rows(X))


@pytest.mark.parametrize("n_values", [1, 2, 14, 15, 16, 17, 30, 31, 32, 33, 240, 253, 254, 255, 2000])
def test_any_number_of_bounds(isa, side_by_side, n_values):
    mapper, X = mapper_of(3, n_values)
    check(forest_of(mapper, [15] * 20), mapper, odd_rows(X))


@pytest.mark.parametrize("set_runs", [1, 2, 3, 7, None])
def test_sets_of_categories(isa, side_by_side, set_runs):
    mapper, X = mapper_of(3, 9, categorical=[0, 2])
    check(forest_of(mapper, [1, 30, 64, 7] * 20, set_runs=set_runs), mapper, odd_rows(X))


@pytest.mark.parametrize("n_features", [1, 31, 32, 33, 64, 65, 300])
def test_pages_of_codes(isa, side_by_side, n_features):
    mapper, X = mapper_of(n_features, 20)
    check(forest_of(mapper, [31] * 130), mapper, odd_rows(X))


def test_planes_read_the_features_they_are_told(isa, side_by_side):
    mapper, X = mapper_of(4, 50)
    planes = np.array([69_999, 3, 0, 3], dtype=np.int32)
    rows = np.zeros((20, 70_000))
    rows[:, planes] = odd_rows(X)[:20]
    check(forest_of(mapper, [20] * 9), mapper, rows, planes, 70_000)


@pytest.mark.parametrize(
    "n_leaves", [[], [1, 1, 1], [255] * 5, [8] * 5 + [900] + [31] * 90, [3000, 1]], ids=str
)
def test_whatever_is_chosen(isa, n_leaves):
    mapper, X = mapper_of(6, 300, categorical=[1])
    forest = forest_of(mapper, n_leaves, 2)
    check(forest, mapper, odd_rows(X, 20))
    reads = np.arange(6, dtype=np.int32)
    if not n_leaves or max(n_leaves) > 64:
        assert single_row_pack_of(forest.arrays(), mapper, reads, np.inf) is None


def test_trees_are_laid_out_if_that_is_less_time():
    mapper, _ = mapper_of(28, 2000)
    forest = forest_of(mapper, [8] * 1000)
    reads = np.arange(28, dtype=np.int32)
    one_ns = SingleRowPack(forest.arrays(), mapper, reads, np.inf).one_ns
    assert single_row_pack_of(forest.arrays(), mapper, reads, one_ns) is None
    assert single_row_pack_of(forest.arrays(), mapper, reads, one_ns + 1) is not None
    assert one_ns > 0
    assert pack_of(forest).one_ns > 0


def test_many_threads_at_once(side_by_side):
    mapper, X = mapper_of(9, 100)
    forest = forest_of(mapper, [31] * 100)
    predict = CodePredictor(forest, mapper, np.arange(9, dtype=np.int32), 9, None)
    with ThreadPoolExecutor(7) as pool:
        found = np.concatenate(list(pool.map(predict, list(X))))
    np.testing.assert_array_equal(found, predict_raw(forest, mapper, X))
