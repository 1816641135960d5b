import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator

from fastml._input.rows import check_rows
from fastml.cluster import SOM, GrowingSOM, KMeans, MiniBatchKMeans, SOMRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))


def checked(rows, reset=True, **options):
    return check_rows(BaseEstimator(), rows, reset=reset, **options)


@pytest.mark.parametrize("make", [np.array, sparse.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_stay_and_missing_values_are_found(make, dtype):
    rows, missing = checked(make(X.astype(dtype)))
    assert rows.dtype == dtype and not missing
    with_nan = X.astype(dtype)
    with_nan[3, 1] = np.nan
    rows, missing = checked(make(with_nan))
    assert missing and rows.dtype == dtype


@pytest.mark.parametrize("make", [np.array, sparse.csr_matrix])
def test_what_is_all_missing_or_infinite_is_named(make):
    empty_row, empty_column, infinite = X.copy(), X.copy(), X.copy()
    empty_row[[7, 9]] = empty_column[:, 2] = np.nan
    infinite[5, 1] = -np.inf
    infinite[6, 1] = np.nan
    with pytest.raises(ValueError, match="2 rows without any known value, the first is row 7"):
        checked(make(empty_row))
    with pytest.raises(ValueError, match="1 features without any known value, the first is feature 2"):
        checked(make(empty_column))
    estimator = BaseEstimator()
    check_rows(estimator, X, reset=True)
    assert check_rows(estimator, make(empty_column), reset=False)[1]
    with pytest.raises(ValueError, match="Input X contains infinity"):
        checked(make(infinite))


@pytest.mark.parametrize("make", [np.array, sparse.csr_matrix])
@pytest.mark.parametrize(
    ("dtype", "computed", "terms"),
    [
        (np.float32, np.float32, 4),
        (np.float32, None, 4),
        (np.float64, np.float32, 4),
        (np.float64, None, 240),
    ],
)
def test_values_whose_squares_overflow_are_refused_and_no_others(make, dtype, computed, terms):
    used = np.dtype(computed or dtype)
    limit = np.sqrt(np.finfo(used).max / (16.0 * terms))
    rows = X.copy()
    rows[11, 2] = -0.99 * limit
    checked(make(rows.astype(dtype)), computed=computed)
    rows[11, 2] = -1.01 * limit
    rows[12, 0] = np.nan
    with pytest.raises(ValueError, match=f"too large for {used}: row 11 "):
        checked(make(rows.astype(dtype)), computed=computed)


def test_float32_rows_of_a_computation_in_float64_have_no_limit():
    checked(np.full((3, 2), 3e38, dtype=np.float32), computed=np.float64)


def test_sparse_duplicates_are_added_up_beside_what_was_given():
    doubled = sparse.csr_matrix(([1.0, 2.0, 4.0], [0, 0, 1], [0, 3]), shape=(1, 2))
    rows, _ = checked(doubled)
    assert rows.toarray().tolist() == [[3.0, 4.0]] and doubled.nnz == 3


@pytest.mark.parametrize("estimator", [KMeans(2), MiniBatchKMeans(2), SOM(2, 2), GrowingSOM()])
def test_huge_rows_are_refused_in_fits_and_questions(estimator):
    estimator.fit(X)
    before = {name: value for name, value in vars(estimator).items()}
    for ask in ("fit", "partial_fit", "predict", "transform", "score", "quantization_error"):
        if hasattr(estimator, ask):
            with pytest.raises(ValueError, match=r"too large for float64: row \d+ has a value of size"):
                getattr(estimator, ask)(X * 1e160)
    assert vars(estimator) == before  # the very same objects


@pytest.mark.parametrize("training", ["batch", "online", "minibatch"])
def test_float32_maps_refuse_what_float32_cannot_measure(training):
    huge = (X * 1e30).astype(np.float32)
    with pytest.raises(ValueError, match=r"too large for float32.*hand in float64"):
        SOM(2, 2, training=training).fit(huge)
    som = SOM(2, 2, training=training).fit(X.astype(np.float32))
    with pytest.raises(ValueError, match="too large for float32"):
        som.predict(X * 1e30)
    assert np.isfinite(SOM(2, 2, training=training, max_iter=2).fit(huge.astype(np.float64)).errors_).all()


def test_targets_starts_and_weights_that_are_too_large_are_refused():
    with pytest.raises(ValueError, match="no longer finite"), np.errstate(over="ignore"):
        SOMRegressor(2, 2).fit(X, X[:, 0] * 1e200)
    with pytest.raises(ValueError, match="no longer finite"), np.errstate(over="ignore"):
        SOM(2, 2, init=np.full((4, 4), 1e300)).fit(X)
    for estimator in (KMeans(2), MiniBatchKMeans(2), SOM(2, 2)):
        with pytest.raises(ValueError, match="sum of all weights is infinite"):
            estimator.fit(X, sample_weight=np.full(60, 1e308))
