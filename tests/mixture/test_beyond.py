"""Priors, streams, model selection, files, memory and bad input."""

import io
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import fastml
from fastml.io.errors import ModelFileError
from fastml.mixture import BayesianGaussianMixture, GaussianMixture, select_mixture
from tests.mixture.test_gaussian_mixture import TYPES, blobs, start

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("covariance_type", TYPES)
def test_prior_keeps_components_from_collapsing(covariance_type):
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], 5, axis=0)
    options = {"covariance_type": covariance_type, "reg_covar": 0, "random_state": 0}
    if covariance_type != "tied":  # what is left of a tied covariance is a rounding error, of either sign
        with pytest.raises(ValueError, match=r"ill-defined.*covariance_prior"):
            GaussianMixture(4, **options).fit(X)
    model = GaussianMixture(4, **options, covariance_prior="empirical").fit(X)
    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.means_).all()


@pytest.mark.parametrize("covariance_type", TYPES)
def test_posterior_density_never_falls(covariance_type):
    X = blobs(400, 3, 4)
    model = GaussianMixture(
        4, covariance_type=covariance_type, covariance_prior="empirical", mean_precision_prior=2.0,
        weight_concentration_prior=3.0, tol=0, max_iter=60, random_state=0,
    ).fit(X)  # fmt: skip
    assert np.diff(model.lower_bounds_).min() > -1e-11


@pytest.mark.parametrize("covariance_type", TYPES)
def test_update_maximizes_the_posterior_density(covariance_type):
    """One component: the fitted parameters beat all near them."""
    X = blobs(50, 2, 1)
    prior = {"full": 3 * np.eye(2), "tied": 3 * np.eye(2), "diag": [3.0, 2.0], "spherical": 3.0}
    model = GaussianMixture(
        covariance_type=covariance_type, covariance_prior=prior[covariance_type], mean_precision_prior=5.0,
        mean_prior=[1.0, -1.0], degrees_of_freedom_prior=7.0, tol=1e-12,
    ).fit(X)  # fmt: skip

    def density(means, covariances):
        from fastml.mixture.covariances import factors_of_covariances

        factors = factors_of_covariances(covariances, covariance_type)
        near = GaussianMixture(
            covariance_type=covariance_type, means_init=means, weights_init=[1.0], max_iter=0,
            precisions_init=factors @ np.swapaxes(factors, -1, -2) if factors.ndim > 1 and
            covariance_type in ("full", "tied") else factors**2,
        ).fit(X)  # fmt: skip
        parameters = {"weights": np.ones(1), "means": means, "factors": factors}
        return near.score_samples(X).sum() + model._prior.log_density(parameters)

    best = density(model.means_, model.covariances_)
    rng = np.random.default_rng(0)
    for _ in range(30):
        step = 1e-3 * rng.normal(size=model.covariances_.shape)
        step = step + np.swapaxes(step, -1, -2) if covariance_type in ("full", "tied") else step
        means = model.means_ + 1e-3 * rng.normal(size=model.means_.shape)
        assert density(means, model.covariances_ + step) <= best + 1e-9


def test_rational_arithmetic():
    """Equal spherical variances and symmetric rows: one iteration computed in fractions."""
    # two rows at distance so large that shares are 0 and 1 exactly
    X = np.array([[0.0], [1.0], [1000.0], [1003.0]])
    model = GaussianMixture(
        2, means_init=[[0.0], [1000.0]], precisions_init=[[[1.0]], [[1.0]]], weights_init=[0.5, 0.5],
        max_iter=1, tol=0, reg_covar=0,
    ).fit(X)  # fmt: skip
    means = [Fraction(1, 2), Fraction(2003, 2)]
    variances = [Fraction(1, 4), Fraction(9, 4)]
    np.testing.assert_allclose(model.means_[:, 0], [float(m) for m in means], rtol=1e-11)
    np.testing.assert_allclose(model.covariances_[:, 0, 0], [float(v) for v in variances], rtol=1e-8)
    assert model.lower_bound_ == pytest.approx(np.log(0.5) - np.log(2 * np.pi) / 2 - (0 + 1 + 0 + 9) / 8)


@pytest.mark.parametrize("cls", [GaussianMixture, BayesianGaussianMixture])
@pytest.mark.parametrize("covariance_type", TYPES)
def test_stream_reaches_what_fit_reaches(cls, covariance_type):
    X = blobs(6000, 3, 3, seed=2)
    whole = cls(n_components=3, covariance_type=covariance_type, random_state=0, max_iter=300).fit(X)
    stream = cls(n_components=3, covariance_type=covariance_type, random_state=0)
    rng = np.random.default_rng(0)
    for _ in range(60):
        stream.partial_fit(X[rng.choice(len(X), 600, replace=False)])
    assert stream.score(X) > whole.score(X) - 0.05
    assert stream.n_iter_ == len(stream.lower_bounds_) == 60
    after = whole.score(X)
    whole.partial_fit(X[:500])
    assert abs(whole.score(X) - after) < 0.05


def test_first_batch_of_a_stream_is_one_iteration():
    X = blobs(500, 3, 2)
    options = start(X, 2, "full")
    once = GaussianMixture(**options, max_iter=1, tol=0).fit(X)
    batch = GaussianMixture(**options).partial_fit(X)
    np.testing.assert_allclose(batch.means_, once.means_, rtol=1e-12)
    np.testing.assert_allclose(batch.covariances_, once.covariances_, rtol=1e-9)


def test_selection_finds_what_was_drawn():
    rng = np.random.default_rng(0)
    X = np.concatenate([c + rng.normal(size=(300, 2)) for c in ([0, 0], [8, 0], [0, 8])])
    choice = select_mixture(X, range(1, 6), estimator=GaussianMixture(random_state=0, n_init=2))
    assert choice.best_.n_components == 3
    assert choice.scores.shape == (4, 5)
    t = choice.covariance_types.index(choice.best_.covariance_type)
    assert choice.scores[t, 2] == choice.scores.min() == choice.best_.bic(X)
    with pytest.raises(ValueError, match="criterion"):
        select_mixture(X, criterion="dic")
    with pytest.raises(ValueError, match="empty"):
        select_mixture(X, [])


@pytest.mark.parametrize("cls", [GaussianMixture, BayesianGaussianMixture])
@pytest.mark.parametrize("covariance_type", TYPES)
def test_files(cls, covariance_type):
    X = blobs(300, 3, 2).astype(np.float32)
    model = cls(n_components=2, covariance_type=covariance_type, random_state=0).fit(X)
    file = io.BytesIO()
    model.save(file)
    loaded = fastml.load(io.BytesIO(file.getvalue()))
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert loaded.sample(5)[0].tobytes() == model.sample(5)[0].tobytes()
    assert loaded.lower_bounds_ == model.lower_bounds_
    loaded.partial_fit(X)
    values, arrays = model._get_model_state()
    for name in arrays:
        for wrong in (np.full_like(arrays[name], np.nan), arrays[name][:0], arrays[name].astype(np.int64)):
            with pytest.raises(ModelFileError):
                cls(n_components=2, covariance_type=covariance_type)._set_model_state(
                    values, arrays | {name: wrong}
                )
    with pytest.raises(ModelFileError):
        cls(n_components=3, covariance_type=covariance_type)._set_model_state(values, arrays)
    with pytest.raises(ModelFileError, match="unexpected"):
        cls(n_components=2, covariance_type=covariance_type)._set_model_state(values | {"x": 1}, arrays)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_rank_deficient_rows_are_fitted(covariance_type):
    X = blobs(200, 2, 2)
    X = np.column_stack([X, X.sum(axis=1), np.ones(len(X))])
    model = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    assert np.isfinite(model.score_samples(X)).all()


@pytest.mark.parametrize("cls", [GaussianMixture, BayesianGaussianMixture])
def test_bad_input(cls):
    X = blobs(30, 2, 2)
    with pytest.raises(ValueError, match="infinity"):
        cls().fit(np.where(np.arange(30)[:, None] == 3, np.inf, X))
    with pytest.raises(ValueError, match="n_samples >= n_components"):
        cls(n_components=31).fit(X)
    with pytest.raises(ValueError):
        cls().fit(X.astype(complex))
    with pytest.raises(ValueError):
        cls().fit([["a", "b"], ["c", "d"]])
    with pytest.raises(ValueError, match=r"not finite|ill-defined|too large"):
        cls(reg_covar=0).fit(np.array([[1e300, 0.0], [-1e300, 1.0], [0.0, 2.0]]))
    for odd in (np.int8, np.float16, np.longdouble, bool):
        assert cls().fit(X.astype(odd)).means_.dtype == np.float64
    fitted = cls().fit(X)
    with pytest.raises(ValueError, match="features"):
        fitted.predict(X[:, :1])
    assert cls().fit(np.asfortranarray(X)).means_.tobytes() == fitted.means_.tobytes()
    assert cls().fit(X[::-1][::-1]).means_.tobytes() == fitted.means_.tobytes()


def test_component_without_weight():
    X = blobs(100, 2, 1)
    model = GaussianMixture(
        2, weights_init=[1.0, 0.0], means_init=[[0.0, 0.0], [50.0, 50.0]], random_state=0, max_iter=3, tol=0
    ).fit(X)
    assert np.isfinite(model.score_samples(X)).all()
    assert model.weights_[1] < 1e-12


MEMORY = """
import resource, sys, warnings
import numpy as np
from fastml.mixture import GaussianMixture
warnings.simplefilter("ignore")
X = np.random.default_rng(0).standard_normal((400_000, 16))
small = GaussianMixture(16, covariance_type=sys.argv[1], max_iter=1).fit(X[:1000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
GaussianMixture(16, covariance_type=sys.argv[1], max_iter=3, init_params=sys.argv[2], n_jobs=2).fit(X)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux")
@pytest.mark.parametrize(
    ("covariance_type", "init"), [("full", "kmeans"), ("diag", "random"), ("tied", "k-means++")]
)
def test_peak_memory(covariance_type, init):
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, covariance_type, init], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 64
