"""Whatever can be wrong with the input: a clear error or the right answer, never a crash or a silent NaN."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import make_friedman1

from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

BOTH = pytest.mark.parametrize("cls", [GradientBoostingClassifier, GradientBoostingRegressor])
X_OK = np.random.default_rng(0).standard_normal((100, 3))
Y_OK = (X_OK[:, 0] > 0).astype(float)


@BOTH
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones(5), "Expected 2D array"),
        (np.ones((2, 2, 2)), "dim"),
        (np.ones((0, 3)), "0 sample"),
        (np.ones((100, 0)), "0 feature"),
        (pd.DataFrame({"a": []}), "0 sample"),
        (pd.DataFrame(index=range(100)), "0 feature"),
        (sparse.csr_matrix((0, 3)), "0 sample"),
        (X_OK + 1j, "[Cc]omplex"),
        (np.full((100, 3), "a"), "(string|str|numeric)"),
        (np.full((100, 3), "a", dtype=object), "could not convert string to float"),
        (pd.DataFrame({"city": ["a"] * 100}), "Column 'city' of X is numeric but holds text"),
        (pd.DataFrame({"when": pd.to_datetime(["2020-01-01"] * 100)}), "Column 'when' of X.*datetime"),
        ([[1.0, 2.0], [3.0]], "inhomogeneous"),
        (X_OK[:99], "inconsistent numbers of samples"),
    ],
)
def test_X(cls, X, message):
    with pytest.raises((ValueError, TypeError), match=message):
        cls().fit(X, Y_OK)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y"),
        (np.full(100, np.nan), "NaN"),
        (np.where(np.arange(100) == 7, np.inf, 0.0), "infinity"),
        (np.where(np.arange(100) == 7, -np.inf, 0.0), "infinity"),
        (np.full(100, "a"), "(real numbers|could not convert|dtype)"),
        (np.ones((100, 2)), "1d array"),
        (np.ones(0), "0 sample|inconsistent"),
        (np.full(100, 1e300), "rescale y"),
        (np.arange(100) + 1j, "[Cc]omplex"),
        (np.arange(100).astype("M8[D]"), r"y must hold real numbers, got dtype datetime64\[D\]"),
        (np.linspace(0, 1e-40, 100), "differ by at least.*rescale y"),
    ],
)
def test_y_of_regression(y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        GradientBoostingRegressor().fit(X_OK, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y"),
        (np.where(np.arange(100) == 7, np.nan, 0.0), "NaN"),
        (np.linspace(0, 1, 100), "[Uu]nknown label type"),
        (np.ones((100, 2)), "1d array"),
        (np.array([{}] * 100), "[Uu]nknown label type"),
        (np.array([None, "a"] * 50, dtype=object), "y contains 50 missing labels"),
        (pd.Series([pd.NA] + ["a"] * 99, dtype="string"), "y contains 1 missing labels"),
        (np.array([1, "a"] * 50, dtype=object), "y holds text and numbers"),
    ],
)
def test_y_of_classification(y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        GradientBoostingClassifier().fit(X_OK, y)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("poisson", [1.0, -1.0], "requires non-negative y"),
        ("poisson", [0.0, 0.0], r"sum\(y\) > 0"),
        ("tweedie", [0.0, -2.0], "requires non-negative y"),
        ("gamma", [1.0, 0.0], "strictly positive y"),
        ("quantile", [1.0, 2.0], "quantile"),
    ],
)
def test_y_outside_the_loss(loss, y, message):
    with pytest.raises(ValueError, match=message):
        GradientBoostingRegressor(loss=loss).fit(X_OK, np.tile(y, 50))


@BOTH
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-np.ones(100), "[Nn]egative|non-negative"),
        (np.zeros(100), "not zero|non-zero"),
        (np.full(100, np.nan), "NaN"),
        (np.full(100, np.inf), "infinity"),
        (np.ones(99), r"sample_weight.shape == \(99,\), expected \(100,\)"),
        (np.ones((100, 2)), "1D"),
        (["a"] * 100, "convert"),
        (np.full(100, 5e-324), "would vanish"),
        (np.full(100, 1e40), "too large for float32"),
    ],
)
def test_weights(cls, weight, message):
    with pytest.raises(ValueError, match=message):
        cls().fit(X_OK, Y_OK, sample_weight=weight)


@pytest.mark.parametrize("weight", [-1, np.nan, np.inf, "1"])
def test_class_weights(weight):
    with pytest.raises(ValueError, match=r"class_weight\[0\] must be a finite number that is not negative"):
        GradientBoostingClassifier(class_weight={0: weight, 1: 1}).fit(X_OK, Y_OK)
    with pytest.raises(ValueError, match="leave every row with a weight of zero"):
        GradientBoostingClassifier(class_weight={0: 0, 1: 1}).fit(X_OK, Y_OK, sample_weight=1 - Y_OK)


@BOTH
@pytest.mark.parametrize("margin", [np.ones(99), np.ones((100, 2)), np.full(100, np.nan), np.full(100, "a")])
def test_margins(cls, margin):
    with pytest.raises(ValueError, match=r"base_margin|could not convert"):
        cls().fit(X_OK, Y_OK, base_margin=margin)
    model = cls(max_iter=1).fit(X_OK, Y_OK)
    with pytest.raises(ValueError, match=r"base_margin|could not convert"):
        model.predict(X_OK, base_margin=margin)


WRONG_PARAMETERS = [
    {"learning_rate": 0},
    {"max_iter": 0},
    {"max_leaf_nodes": 1},
    {"max_depth": 0},
    {"min_samples_leaf": 0},
    {"min_samples_leaf": 0.5},
    {"min_weight_leaf": -1},
    {"min_sum_hessian": -1},
    {"min_split_gain": -1},
    {"l1_regularization": -1},
    {"l2_regularization": -1},
    {"max_delta_step": -1},
    {"path_smooth": -1},
    {"max_bins": 1},
    {"max_bins": 256},
    {"subsample": 0},
    {"subsample": 1.1},
    {"colsample_bytree": 0},
    {"colsample_bylevel": 2},
    {"colsample_bynode": -1},
    {"max_features": 0.0},
    {"boosting": "forest"},
    {"drop_rate": 1.5},
    {"max_drop": 0},
    {"top_rate": 1.0},
    {"boosting": "goss", "top_rate": 0.5, "other_rate": 0.6},
    {"boosting": "goss", "subsample": 0.5},
    {"growth": "depth"},
    {"loss": "hinge"},
    {"extra_random": "yes"},
    {"cat_smooth": -1},
    {"max_cat_onehot": 0},
    {"monotonic_cst": [1, 1]},
    {"monotonic_cst": [2, 0, 0]},
    {"monotonic_cst": {"a": 1}},
    {"interaction_cst": "all"},
    {"interaction_cst": [{3}]},
    {"categorical_features": [3]},
    {"categorical_features": ["a"]},
    {"categorical_features": [0.5]},
    {"early_stopping": "yes"},
    {"early_stopping": True, "scoring": "nonsense"},
    {"early_stopping": True, "validation_fraction": 1000},
    {"validation_fraction": 1.5},
    {"n_iter_no_change": 0},
    {"tol": -1},
    {"n_jobs": 0},
    {"n_jobs": 1.5},
    {"verbose": -1},
    {"random_state": "a"},
    {"warm_start": "a"},
]


@BOTH
@pytest.mark.parametrize("options", WRONG_PARAMETERS, ids=str)
def test_parameters(cls, options):
    with pytest.raises((ValueError, TypeError)) as caught:
        cls(**options).fit(X_OK, Y_OK)
    # the message names the parameter or what it is about
    text = str(caught.value)
    words = {"interaction_cst": "nteraction", "validation_fraction": "test_size", "random_state": "seed"}
    assert any(
        name in text or words.get(name, name) in text or str(value) in text for name, value in options.items()
    )


@pytest.mark.parametrize(
    "options",
    [
        {"quantile": 1.5},
        {"loss": "quantile", "quantile": 0.0},
        {"huber_delta": 0},
        {"huber_quantile": 1},
        {"tweedie_power": 2.5},
        {"loss": "log_loss"},
    ],
)
def test_parameters_of_regression(options):
    with pytest.raises(ValueError, match=next(reversed(options))):
        GradientBoostingRegressor(**options).fit(X_OK, Y_OK)


@pytest.mark.parametrize(
    "options", [{"focal_gamma": -1}, {"class_weight": "equal"}, {"loss": "squared_error"}]
)
def test_parameters_of_classification(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        GradientBoostingClassifier(**options).fit(X_OK, Y_OK)


@BOTH
def test_prediction_of_wrong_shapes(cls):
    model = cls(max_iter=2).fit(X_OK, Y_OK)
    for X in (X_OK[:, :2], np.ones((5, 4)), pd.DataFrame(np.ones((2, 2))), sparse.csr_array(np.ones((2, 2)))):
        with pytest.raises(ValueError, match="is expecting 3 features"):
            model.predict(X)
    with pytest.raises(ValueError, match="Expected 2D array"):
        model.predict(X_OK[0])
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(X_OK[:0])
    with pytest.raises(ValueError, match=r"string|str"):
        model.predict(np.full((5, 3), "a"))


@BOTH
def test_names_in_prediction(cls):
    frame = pd.DataFrame(X_OK, columns=["a", "b", "c"])
    model = cls(max_iter=2).fit(frame, Y_OK)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["b", "a", "c"]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X_OK)
    with pytest.raises(ValueError, match=r"feature names should match|expecting 3 features"):
        model.predict(frame.rename(columns={"a": "z"}))


# -- strange, but right


@BOTH
def test_one_class_or_one_value(cls):
    for y in (
        (np.full(100, 3), np.full(100, "x")) if cls is GradientBoostingClassifier else (np.full(100, 3.0),)
    ):
        model = cls(max_iter=3).fit(X_OK, y)
        np.testing.assert_array_equal(model.predict(X_OK), y)
    if cls is GradientBoostingClassifier:
        np.testing.assert_array_equal(model.predict_proba(X_OK), np.ones((100, 1)))
        np.testing.assert_array_equal(list(model.staged_predict_proba(X_OK))[-1], np.ones((100, 1)))


@BOTH
@pytest.mark.parametrize(
    "column",
    [
        np.full(100, 7.0),
        np.full(100, np.nan),
        np.full(100, np.inf),
        np.where(np.arange(100) % 2, np.inf, -np.inf),
        np.where(np.arange(100) % 2, 1e308, -1e308),
        np.where(np.arange(100) % 2, 5e-324, -5e-324),
        np.where(np.arange(100) % 2, 0.0, -0.0),
        np.nextafter(1.0, np.where(np.arange(100) % 2, 2.0, 0.0)),
    ],
)
def test_strange_columns(cls, column):
    """They may help or not, the others still work, and prediction knows them."""
    X = np.column_stack([column, X_OK[:, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = cls(max_iter=20, learning_rate=0.5).fit(X, Y_OK)
        assert model.score(X, Y_OK) > 0.95
        assert np.isfinite(model._raw_predict(X)).all()
    alone = cls(max_iter=2).fit(X[:, :1], np.arange(100) % 2)
    values = column[~np.isnan(column)]
    if len(np.unique(values)) == 2 and values.min() < values.max():
        assert alone.score(X[:, :1], np.arange(100) % 2) > (
            0.99 if cls is GradientBoostingClassifier else 0.1
        )
    else:
        assert len(np.unique(alone.predict(X[:, :1]))) == 1


@BOTH
def test_one_row_and_two_rows(cls):
    for n_rows in (1, 2):
        model = cls(max_iter=3, min_samples_leaf=1).fit(X_OK[:n_rows], Y_OK[:n_rows])
        assert model.predict(X_OK).shape == (100,)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale_of_the_target(scale):
    X, y = make_friedman1(300, random_state=0)
    options = {"max_iter": 20, "min_sum_hessian": 0.0}
    one = GradientBoostingRegressor(**options).fit(X, y).predict(X)
    with np.errstate(under="ignore"):
        other = GradientBoostingRegressor(**options).fit(X, y * scale).predict(X) / scale
    assert np.corrcoef(one, other)[0, 1] > 0.99


def test_offset_of_the_target():
    X, y = make_friedman1(300, random_state=0)
    model = GradientBoostingRegressor(max_iter=20).fit(X, y + 1e9)
    plain = GradientBoostingRegressor(max_iter=20).fit(X, y)
    assert np.corrcoef(model.predict(X) - 1e9, plain.predict(X))[0, 1] > 0.999


@BOTH
def test_more_features_than_rows(cls):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 1000))
    y = (X[:, 500] > 0).astype(int)
    model = cls(max_iter=20, min_samples_leaf=5).fit(X, y)
    assert model.feature_importances_.argmax() == 500


@BOTH
@pytest.mark.parametrize("limit", [2**31, 10**30])
def test_huge_limits_are_no_limits(cls, limit):
    free = {"max_leaf_nodes": limit, "max_depth": limit, "max_cat_onehot": limit}
    model = cls(max_iter=2, **free).fit(X_OK, Y_OK)
    same = cls(max_iter=2, max_leaf_nodes=None).fit(X_OK, Y_OK)
    np.testing.assert_array_equal(model._raw_predict(X_OK), same._raw_predict(X_OK))
    assert cls(max_iter=2, min_samples_leaf=limit).fit(X_OK, Y_OK)._forest.n_nodes == 2


@BOTH
def test_absurd_number_of_threads(cls):
    """It would crash the OpenMP runtime."""
    X = np.tile(X_OK, (300, 1))
    model = cls(max_iter=1, n_jobs=10**9, early_stopping=False).fit(X, np.tile(Y_OK, 300))
    assert model.predict(X_OK).shape == (100,)


def test_a_fit_that_diverges():
    with pytest.raises(ValueError, match="diverges, lower learning_rate"):
        GradientBoostingRegressor(learning_rate=1e300, max_iter=5).fit(X_OK, X_OK[:, 0])


def test_tiny_samples_and_rates():
    model = GradientBoostingRegressor(subsample=1e-9, max_iter=3).fit(X_OK, Y_OK)
    assert model._forest.n_nodes == 3  # a tree of one row is a leaf
    GradientBoostingRegressor(boosting="goss", learning_rate=1e-310, max_iter=1).fit(X_OK, Y_OK)


@BOTH
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize(("part", "value"), [("indices", 10**6), ("indices", -7), ("indptr", 10**7)])
def test_broken_sparse_matrices(cls, make, part, value):
    X = make(np.where(X_OK > 0, X_OK, 0.0))
    model = cls(max_iter=1).fit(X, Y_OK)
    getattr(X, part)[2] = value
    with pytest.raises(ValueError, match=r"ind(ex|ices|ptr)"):
        model.predict(X)
    with pytest.raises(ValueError, match=r"ind(ex|ices|ptr)"):
        cls().fit(X, Y_OK)


def test_many_classes():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(300), 5)
    X = np.column_stack([y // 20, y % 20]) + 0.1 * rng.standard_normal((1500, 2))
    model = GradientBoostingClassifier(max_iter=2, min_samples_leaf=3, max_leaf_nodes=8).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == (1500, 300) and model.n_trees_per_iteration_ == 300
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert model.score(X, y) > 0.5


def test_a_class_of_weight_zero():
    X, y = X_OK, np.digitize(X_OK[:, 0], [-0.5, 0.5])
    weight = np.where(y == 2, 0.0, 1.0)
    model = GradientBoostingClassifier(max_iter=10).fit(X, y, sample_weight=weight)
    assert np.isfinite(model.predict_proba(X)).all()
    assert np.all(model.predict(X) != 2)


def test_no_leak():
    """The memory of a thousand fits, failed ones among them, is returned."""

    def work():
        GradientBoostingClassifier(max_iter=2).fit(X_OK, Y_OK).predict(X_OK)
        with pytest.raises(ValueError, match="NaN"):
            GradientBoostingRegressor().fit(X_OK, np.full(100, np.nan))

    for _ in range(20):
        work()
    tracemalloc.start()
    for _ in range(10):
        work()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(100):
        work()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 100_000
