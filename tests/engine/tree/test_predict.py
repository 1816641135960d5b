"""Prediction against the one-row-at-a-time walk of tests/reference/predict.py, to the last bit."""

import signal
import time

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.predict import add_tree, apply, pack_of, predict_raw, staged_predict_raw
from tests.reference import predict as reference

N_CATEGORIES = 60


def table(rng, n, n_features=7, n_categorical=2):
    """Numbers with missing values; the last columns are categories, some of them unknown to the mapper."""
    X = rng.normal(size=(n, n_features))
    X[:, n_features - n_categorical :] = rng.integers(0, N_CATEGORIES + 5, size=(n, n_categorical))
    X[rng.random(X.shape) < 0.15] = np.nan
    return X


@pytest.fixture(scope="module")
def mapper():
    rng = np.random.default_rng(0)
    X = table(rng, 3000)
    X[:, -2:][X[:, -2:] >= N_CATEGORIES] = 0
    return BinMapper(categorical=np.array([False] * 5 + [True] * 2), random_state=0).fit(X)


def forest_of(mapper, trees, n_outputs=1, seed=0):
    forest = Forest(n_outputs, np.random.default_rng(seed).normal(size=n_outputs))
    for i, tree in enumerate(trees):
        forest.append(tree, i % n_outputs)
    return forest


def random_trees(mapper, seed, shapes):
    rng = np.random.default_rng(seed)
    return [
        reference.random_tree(rng, mapper.n_codes_, mapper.is_categorical_, n_leaves, shape, runs)
        for n_leaves, shape, runs in shapes
    ]


FORESTS = {
    "small": [(n, "random", None) for n in (1, 2, 3, 8, 9, 15, 16, 17, 31, 32, 33, 1, 64)],
    "chains": [(n, "chain", None) for n in (2, 5, 31, 200, 256)],
    "largest in bytes": [(256, "random", 3), (256, "balanced", 2), (255, "random", None), (257, "random", 4)],
    "deep": [
        (201, "chain", 2),
        (1000, "random", None),
        (3, "random", None),
        (700, "balanced", 9),
        (1000, "chain", 2),
    ],
    "only leaves": [(1, "random", None)] * 3,
    "many": [(31, "random", 5)] * 40,
}


@pytest.mark.parametrize("name", FORESTS)
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_predict_and_apply_equal_the_walk(mapper, isa, name, n_outputs):
    forest = forest_of(mapper, random_trees(mapper, 1, FORESTS[name]), n_outputs)
    rng = np.random.default_rng(2)
    X = table(rng, 330)
    codes = mapper.codes(X)
    expected = reference.predict_raw(forest.arrays(), codes)
    leaves = reference.apply(forest.arrays(), codes)
    # Lengths around a group of rows and a block: each has its own way through the kernels.
    for n in (0, 1, 2, 7, 9, 63, 64, 65, 128, 129, 192, 193, 255, 256, 257, 330):
        np.testing.assert_array_equal(predict_raw(forest, mapper, X[:n]), expected[:n], strict=True)
        np.testing.assert_array_equal(apply(forest, mapper, X[:n]), leaves[:n], strict=True)


@pytest.mark.parametrize("set_runs", [1, 2, 3, 4, 7, 100, None])
def test_category_sets_of_any_number_of_runs(mapper, isa, set_runs):
    rng = np.random.default_rng(set_runs or 0)
    trees = [
        reference.random_tree(rng, [256, 256], [1, 1], n, "random", set_runs) for n in (2, 3, 31, 120, 400)
    ]
    forest = forest_of(None, trees)
    X = rng.integers(0, 254, size=(300, 2)).astype(float)
    X[:254] = np.arange(254)[:, None]
    X[254] = np.nan
    mapper = BinMapper(categorical=np.array([True, True]), random_state=0).fit(X)
    assert list(mapper.n_codes_) == [255, 255]
    codes = mapper.codes(X)
    np.testing.assert_array_equal(apply(forest, mapper, X), reference.apply(forest.arrays(), codes))


def test_every_code_against_every_split(isa):
    # Stumps with each code and side of missing values; and the sets {c}, not {c}, c.. and ..c.
    X = np.append(np.arange(255.0), np.nan)[:, None]
    mapper = BinMapper(random_state=0).fit(X)
    assert mapper.n_codes_[0] == 256
    forest = Forest()
    stump = reference.random_tree(np.random.default_rng(0), [256], [0], 2)
    for missing_left in (0, 1):
        for code in range(1 - missing_left, 256):
            forest.append({**stump, "code": [code, 0, 0], "missing_left": [missing_left, 0, 0]})
    for c in range(256):
        for bits in (np.arange(256) == c, np.arange(256) != c, np.arange(256) >= c, np.arange(256) < c):
            sets = np.packbits(bits, bitorder="little")[None]
            forest.append({**stump, "category_set": [0, -1, -1], "category_sets": sets})
    codes = mapper.codes(X)
    leaves = reference.apply(forest.arrays(), codes)
    np.testing.assert_array_equal(apply(forest, mapper, X), leaves)
    np.testing.assert_array_equal(
        predict_raw(forest, mapper, X), reference.predict_raw(forest.arrays(), codes)
    )
    np.testing.assert_array_equal(
        predict_raw(forest, mapper, X[:3]), reference.predict_raw(forest.arrays(), codes[:3])
    )


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_large_blocks_of_large_trees(mapper, isa, n_outputs):
    # Enough nodes for blocks of many tiles, which must not differ from the small blocks of short batches.
    sizes = [(9000, "random", 5), (20, "random", 5), (9000, "random", 5), (300, "random", 2)]
    forest = forest_of(mapper, random_trees(mapper, 19, sizes), n_outputs)
    assert pack_of(forest).walked_bytes > 256 << 10
    X = table(np.random.default_rng(20), 20_500)
    at = np.r_[0:200, 16_300:16_500, 20_400:20_500]
    codes = mapper.codes(X[at])
    expected = reference.predict_raw(forest.arrays(), codes)
    leaves = reference.apply(forest.arrays(), codes)
    for n_threads in (1, 2):
        np.testing.assert_array_equal(predict_raw(forest, mapper, X, n_threads)[at], expected)
        np.testing.assert_array_equal(apply(forest, mapper, X, n_threads)[at], leaves)
        *_, last = staged_predict_raw(forest, mapper, X, n_threads)
        np.testing.assert_array_equal(last[at], expected)


@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_threads_change_nothing(mapper, isa, n_threads):
    trees = random_trees(mapper, 3, [(31, "random", 5), (300, "random", 5), (255, "random", 5)] * 4)
    forest = forest_of(mapper, trees, 2)
    X = table(np.random.default_rng(4), 5000)
    assert predict_raw(forest, mapper, X).tobytes() == predict_raw(forest, mapper, X, n_threads).tobytes()
    assert apply(forest, mapper, X).tobytes() == apply(forest, mapper, X, n_threads).tobytes()


def test_instruction_sets_agree(mapper):
    forest = forest_of(mapper, random_trees(mapper, 5, [(31, "random", 5), (400, "random", 5)] * 20))
    X = table(np.random.default_rng(6), 3000)
    before = kernels.selected()
    results = set()
    for name in kernels.available():
        kernels.select(name)
        forest.scale(0, 1.0)  # packed anew: what the choice between the forms depends on may differ
        results.add(predict_raw(forest, mapper, X, 2).tobytes())
    kernels.select(before)
    assert len(results) == 1


def test_first_trees_only(mapper, isa):
    forest = forest_of(mapper, random_trees(mapper, 7, [(20, "random", 5)] * 45), 3)
    X = table(np.random.default_rng(8), 300)
    codes = mapper.codes(X)
    for n_trees in (0, 1, 2, 31, 33, 45):
        expected = reference.predict_raw(forest.arrays(), codes, n_trees)
        np.testing.assert_array_equal(predict_raw(forest, mapper, X, n_trees=n_trees), expected)
        np.testing.assert_array_equal(predict_raw(forest, mapper, X[:2], n_trees=n_trees), expected[:2])
        np.testing.assert_array_equal(
            apply(forest, mapper, X, n_trees=n_trees), apply(forest, mapper, X)[:, :n_trees]
        )
    with pytest.raises(ValueError, match="n_trees"):
        predict_raw(forest, mapper, X, n_trees=46)
    with pytest.raises(ValueError, match="n_trees"):
        apply(forest, mapper, X, n_trees=-1)


@pytest.mark.parametrize("n", [0, 1, 300, 1000])
def test_stages_end_where_predict_does(mapper, isa, n):
    forest = forest_of(mapper, random_trees(mapper, 9, [(20, "random", 5), (300, "random", 5)] * 6), 3)
    X = table(np.random.default_rng(10), n)
    stages = list(staged_predict_raw(forest, mapper, X, n_threads=2))
    assert len(stages) == 4
    for i, raw in enumerate(stages):
        np.testing.assert_array_equal(raw, predict_raw(forest, mapper, X, n_trees=3 * (i + 1)), strict=True)
    assert len(list(staged_predict_raw(forest, mapper, X, stage=5, n_trees=11))) == 3


def test_stages_of_trees_without_a_split(mapper, isa):
    forest = forest_of(mapper, random_trees(mapper, 9, [(1, "random", 0)] * 4))
    X = table(np.random.default_rng(10), 300)
    stages = list(staged_predict_raw(forest, mapper, X))
    np.testing.assert_array_equal(stages[-1], predict_raw(forest, mapper, X), strict=True)
    assert len(stages) == 4


def test_the_pack_follows_the_forest(mapper):
    trees = random_trees(mapper, 11, [(20, "random", 5)] * 4)
    forest = forest_of(mapper, trees[:3])
    X = table(np.random.default_rng(12), 100)
    codes = mapper.codes(X)

    def check():
        np.testing.assert_array_equal(
            predict_raw(forest, mapper, X), reference.predict_raw(forest.arrays(), codes)
        )

    check()
    assert pack_of(forest) is pack_of(forest)
    forest.append(trees[3], 0)
    check()
    forest.scale(1, -0.5)
    check()
    forest.truncate(2)
    check()
    forest.truncate(0)
    check()


def test_containers_agree(mapper):
    pd = pytest.importorskip("pandas")
    forest = forest_of(mapper, random_trees(mapper, 13, [(31, "random", 5)] * 10))
    X = table(np.random.default_rng(14), 700).astype(np.float32).astype(np.float64)
    expected = predict_raw(forest, mapper, X)
    wide = np.zeros((1400, 14))
    wide[::2, ::2] = X
    for same in (
        np.asfortranarray(X),
        X.astype(np.float32),
        wide[::2, ::2],
        pd.DataFrame(X),
        X.astype(">f8"),
    ):
        np.testing.assert_array_equal(predict_raw(forest, mapper, same), expected)


@pytest.mark.parametrize("n", [1, 64, 256, 1000])
@pytest.mark.parametrize("factor", [1.0, -1.0, 0.3])
def test_add_tree(mapper, isa, n, factor):
    rng = np.random.default_rng(15)
    binned = mapper.transform(table(rng, n))
    codes = np.ascontiguousarray(np.asarray(binned.column_codes).T)
    for n_leaves in (1, 31, 256, 500):
        forest = forest_of(mapper, random_trees(mapper, n_leaves, [(n_leaves, "random", 5)]))
        start = rng.normal(size=n)
        leaves = reference.apply(forest.arrays(), codes)[:, 0]
        step = forest.arrays()["value"][leaves] * factor
        for n_threads in (1, 3):
            raw = start.copy()
            add_tree(forest, 0, binned, raw, n_threads=n_threads, factor=factor)
            np.testing.assert_array_equal(raw, start + step)
            raw = start.copy()
            add_tree(forest.tree(0), None, binned, raw, n_threads=n_threads, factor=factor)
            np.testing.assert_array_equal(raw, start + step)
            rows = np.sort(rng.choice(n, size=(n + 1) // 2, replace=False)).astype(np.uint32)
            raw = start.copy()
            add_tree(forest, 0, binned, raw, rows=rows, n_threads=n_threads, factor=factor)
            expected = start.copy()
            expected[rows] = (start + step)[rows]
            np.testing.assert_array_equal(raw, expected)


def test_add_tree_refuses_what_does_not_fit(mapper):
    binned = mapper.transform(table(np.random.default_rng(16), 50))
    tree = random_trees(mapper, 17, [(8, "random", 5)])[0]
    with pytest.raises(ValueError, match="raw has 49"):
        add_tree(tree, None, binned, np.zeros(49))
    with pytest.raises(ValueError, match="rows must be less than 50"):
        add_tree(tree, None, binned, np.zeros(50), rows=np.array([3, 50], dtype=np.uint32))
    with pytest.raises(ValueError, match="feature 7"):
        add_tree({**tree, "feature": np.where(tree["feature"] >= 0, 7, -1)}, None, binned, np.zeros(50))
    raw = np.ones(50)
    add_tree(tree, None, binned, raw, rows=np.empty(0, dtype=np.uint32))
    assert (raw == 1).all()


def test_a_mapper_with_too_few_features_is_refused(mapper):
    forest = forest_of(mapper, random_trees(mapper, 18, [(31, "random", 5)]))
    narrow = BinMapper(random_state=0).fit(np.random.default_rng(0).normal(size=(100, 2)))
    for function in (predict_raw, apply, lambda *args: list(staged_predict_raw(*args))):
        with pytest.raises(ValueError, match="2 features"):
            function(forest, narrow, np.zeros((3, 2)))
        with pytest.raises(ValueError, match="features"):
            function(forest, mapper, np.zeros((3, 6)))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer signal")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_ends_a_long_batch(mapper, n_threads):
    forest = forest_of(mapper, random_trees(mapper, 21, [(2000, "random", 5)] * 40))
    X = np.broadcast_to(table(np.random.default_rng(22), 1), (20_000_000, 7))  # takes no memory

    def handler(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    try:
        predict_raw(forest, mapper, X[:10])
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        start = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            predict_raw(forest, mapper, X, n_threads)
        assert time.perf_counter() - start < 3
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert predict_raw(forest, mapper, X[:3]).shape == (3, 1)
