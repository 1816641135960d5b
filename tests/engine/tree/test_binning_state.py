"""The binned matrix, the stored state of a BinMapper, and what both refuse."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.source import open_source
from tests.engine.tree.binning_checks import check_matrix, mixed


def test_take_and_reorder(isa):
    rng = np.random.default_rng(17)
    X = mixed(rng, 3000)
    X = np.concatenate([X] * 7, axis=1)
    mapper = BinMapper().fit(X)
    binned, codes = mapper.transform(X), mapper.codes(X)
    for rows in (rng.integers(0, 3000, 4500), np.arange(5), np.array([7])):
        taken = binned.take(rows.astype(np.uint32), n_threads=2)
        check_matrix(taken, codes[rows])
        assert np.array_equal(taken.n_codes, binned.n_codes)
    for _ in range(3):
        perm = rng.permutation(3000).astype(np.uint32)
        binned.reorder(perm, n_threads=2)
        codes = codes[perm]
        check_matrix(binned, codes)


@pytest.mark.parametrize("rows", [[3], [-1], [], [[0]], [0.5]])
def test_wrong_row_numbers(rows):
    binned = BinMapper().fit(np.eye(3)).transform(np.eye(3))
    with pytest.raises(ValueError, match="row numbers"):
        binned.take(np.array(rows))
    with pytest.raises(ValueError, match="row numbers"):
        binned.reorder(np.array(rows))


def test_views_are_read_only_and_keep_the_matrix_alive():
    columns = BinMapper().fit(np.eye(3)).transform(np.eye(3)).column_codes
    assert columns.tolist() == [[2, 1, 1], [1, 2, 1], [1, 1, 2]]
    with pytest.raises(ValueError):
        columns[0, 0] = 9


def test_codes_into_an_array():
    X = np.random.default_rng(18).normal(size=(40, 3))
    mapper = BinMapper().fit(X)
    out = np.zeros((40, 3), np.uint8)
    assert mapper.codes(X, out) is out and np.array_equal(out, mapper.codes(X))
    with pytest.raises(ValueError, match="out has shape"):
        mapper.codes(X, np.zeros((40, 4), np.uint8))


def test_opened_source():
    X = np.random.default_rng(19).normal(size=(40, 5))
    mapper = BinMapper().fit(X)
    opened = mapper.open(X, np.array([3, 1], np.int32))
    assert (opened.n_rows, opened.n_used) == (40, 2)
    assert open_source(X).names is None and open_source(pd.DataFrame(X, columns=list("abcde"))).names == list(
        "abcde"
    )
    for features in ([5], [-1]):
        with pytest.raises(ValueError, match="features must be"):
            mapper.open(X, np.array(features))


def test_state():
    rng = np.random.default_rng(20)
    X = mixed(rng)
    X[:, 8] = np.arange(700)
    with pytest.warns(UserWarning):
        mapper = BinMapper(33, categorical=np.arange(12) % 8 == 0).fit(np.nan_to_num(X))
    state = mapper.get_state()
    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in state.values())
    codes = mapper.codes(X)
    for other in (BinMapper.from_state(state), pickle.loads(pickle.dumps(mapper))):
        assert np.array_equal(other.codes(X), codes)
        assert other.max_bins == 33 and len(other.get_state()) == len(state)
        for name, array in other.get_state().items():
            assert array.dtype == state[name].dtype and np.array_equal(array, state[name])
    assert pickle.loads(pickle.dumps(BinMapper(7, subsample=None))).max_bins == 7


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("edges", np.array([0.0, np.inf, 1.0]), "finite"),
        ("edges", np.array([1.0, 0.0, 2.0]), "ascend"),
        ("edges", np.array([0.0, 0.0, 2.0]), "ascend"),
        ("edges", np.array([0.0, np.nan, 2.0]), "finite"),
        ("edges", np.array([0.0, 1.0]), "edges_offsets"),
        ("edges", np.array([0, 1, 2]), "edges is int64"),
        ("edges", np.zeros((3, 1)), "2 dimensions"),
        ("edges_offsets", np.array([0, 4, 3]), "edges_offsets"),
        ("edges_offsets", np.array([1, 3, 3]), "edges_offsets"),
        ("edges_offsets", np.array([0, 3]), "edges_offsets"),
        ("edges_offsets", np.array([0, 1, 3]), "feature 0 has 5 codes"),
        ("n_codes", np.array([4, 4], np.uint16), "feature 0 has 4 codes"),
        ("n_codes", np.array([5, 300], np.uint16), "feature 1 has 300 codes"),
        ("n_codes", np.array([5], np.uint16), "n_codes"),
        ("is_categorical", np.array([0, 2], np.uint8), "is_categorical"),
        ("is_categorical", np.zeros(0, np.uint8), "is_categorical"),
        ("max_bins", np.array(256), "max_bins"),
        ("max_bins", np.array(3), "at most 2"),
        ("categories", np.array([1.0, np.nan, 3.0]), "ascend"),
        ("categories", np.array([1.0, 1.0, 3.0]), "ascend"),
        ("categories_offsets", np.array([0, 3, 3]), "numerical feature 0"),
    ],
)
def test_wrong_state_is_refused(name, value, message):
    X = np.array([[0, 1], [1, 2], [2, 3], [3, 1.0]])
    state = BinMapper(categorical=[False, True]).fit(X).get_state()
    BinMapper.from_state(state)
    with pytest.raises(ValueError, match=message):
        BinMapper.from_state({**state, name: value})
    del state[name]
    with pytest.raises(ValueError, match=f"{name} is absent"):
        BinMapper.from_state(state)


def test_too_many_categories_in_state_are_refused():
    state = BinMapper(categorical=[True]).fit(np.arange(254.0)[:, None]).get_state()
    state["categories"] = np.arange(255.0)
    state["categories_offsets"] = np.array([0, 255])
    state["n_codes"] = np.array([256], np.uint16)
    with pytest.raises(ValueError, match="at most 254"):
        BinMapper.from_state(state)
    state["grouped"], state["grouped_offsets"] = np.array([3.0]), np.array([0, 1])
    state["categories"], state["categories_offsets"] = np.arange(253.0), np.array([0, 253])
    state["n_codes"] = np.array([255], np.uint16)
    with pytest.raises(ValueError, match="both kept and grouped"):
        BinMapper.from_state(state)


@pytest.mark.parametrize("max_bins", [1, 0, -5, 256])
def test_wrong_max_bins(max_bins):
    with pytest.raises(ValueError, match="max_bins"):
        BinMapper(max_bins)


@pytest.mark.parametrize(
    "X, error, message",
    [
        (np.zeros((0, 3)), ValueError, "no rows"),
        (np.zeros((3, 0)), ValueError, "no features"),
        (np.zeros(3), ValueError, "two dimensions"),
        (np.zeros((2, 2, 2)), ValueError, "two dimensions"),
        (np.zeros((2, 2), complex), TypeError, "dtype complex128"),
        (np.array([["a", "b"]]), TypeError, "dtype <U1"),
        (np.zeros((2, 2), object), TypeError, "dtype object"),
        (np.zeros((2, 2), "M8[s]"), TypeError, "dtype datetime64"),
        ([np.zeros(3), np.array(["x", "y", "z"])], TypeError, "column 1 of X has dtype <U1"),
        ([np.zeros(3), np.zeros(4)], ValueError, r"column 1 of X has shape \(4,\)"),
        (sp.csr_matrix((0, 3)), ValueError, "no rows"),
        (sp.csr_matrix(np.eye(2) * 1j), TypeError, "dtype complex128"),
        (np.broadcast_to(np.float32(0), (2**31, 1)), ValueError, "2147483648 rows"),
    ],
)
def test_wrong_tables(X, error, message):
    with pytest.raises(error, match=message):
        BinMapper().fit(X)


def test_text_column_of_a_frame_is_named():
    with pytest.raises((TypeError, ValueError), match="'city'"):
        BinMapper().fit(pd.DataFrame({"n": [1.0, 2.0], "city": ["Rome", "Oslo"]}))


def test_wrong_arguments():
    X = np.eye(3)
    with pytest.raises(ValueError, match="not fitted"):
        BinMapper().transform(X)
    with pytest.raises(ValueError, match="not fitted"):
        BinMapper().get_state()
    with pytest.raises(ValueError, match="X has 2 features, but the bins were made for 3"):
        BinMapper().fit(X).codes(X[:, :2])
    with pytest.raises(ValueError, match="categorical has shape"):
        BinMapper(categorical=[True]).fit(X)
    for weights, message in [
        ([1.0], "shape"),
        ([1, -1, 1], "not negative"),
        ([1, np.nan, 1], "finite"),
        ([0, 0, 0], "zero in every row"),
    ]:
        with pytest.raises(ValueError, match=message):
            BinMapper().fit(X, weights)
    for argument in ({"subsample": 0}, {"n_threads": 0}):
        with pytest.raises(ValueError, match=next(iter(argument))):
            BinMapper(**argument)
