"""partial_fit: in parts, after fit, after loading, and after batches that are refused."""

import io
import pickle

import numpy as np
import pytest

import fastml
from fastml.hmm import GMMHMM, CategoricalHMM, GaussianHMM, MultinomialHMM, PoissonHMM
from fastml.hmm.base import BaseHMM
from fastml.io.errors import ModelFileError

RNG = np.random.default_rng(0)
FRAMES = RNG.normal(size=(240, 3)) + 4 * np.repeat([0, 1, 0, 1], 60)[:, None]
COUNTS = RNG.poisson(np.repeat([2, 9, 2, 9], 60)[:, None] * np.ones(3))
MODELS = [
    (GaussianHMM(2, covariance_type="full", random_state=0), FRAMES),
    (GaussianHMM(2, covariance_type="spherical", random_state=0), FRAMES.astype(np.float32)),
    (GMMHMM(2, 2, covariance_type="tied", random_state=0), FRAMES),
    (GMMHMM(2, 2, random_state=0), FRAMES),
    (CategoricalHMM(2, n_features=5, random_state=0), COUNTS[:, :1] % 5),
    (MultinomialHMM(2, n_trials=7, random_state=0), RNG.multinomial(7, [0.2, 0.3, 0.5], size=240)),
    (PoissonHMM(2, random_state=0), COUNTS),
]
ALL = pytest.mark.parametrize(("model", "X"), MODELS, ids=lambda value: type(value).__name__)


def fresh(model):
    return type(model)(**model.get_params())


def parameters(model):
    return {name: np.asarray(getattr(model, name)) for name in model._letters.values()}


def same(a, b):
    for name, value in parameters(a).items():
        np.testing.assert_array_equal(value, getattr(b, name), err_msg=name)


def saved(model):
    file = io.BytesIO()
    model.save(file)
    return fastml.load(io.BytesIO(file.getvalue()))


@ALL
@pytest.mark.parametrize("copy", [saved, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_loaded_model_goes_on_as_the_unsaved_one(model, X, copy):
    for begin in ("fit", "partial_fit"):
        model = getattr(fresh(model), begin)(X[:120], [50, 70])
        other = copy(model)
        for part in (X[120:200], X[200:]):
            model.partial_fit(part)
            other.partial_fit(part)
        same(model, other)
        assert model._stepped["batches"] == other._stepped["batches"] == 3


@ALL
def test_after_fit_the_parameters_are_kept(model, X):
    model = fresh(model).fit(X)
    score = model.score(X)
    assert model.partial_fit(X).score(X) >= score - 1e-3 * abs(score)


@ALL
def test_a_batch_that_is_refused_changes_nothing(model, X):
    model = fresh(model).partial_fit(X[:120])
    before = vars(model).copy()
    wrong = X[:50].astype(np.float64)
    wrong[3, 0] = -np.inf
    for bad, lengths in ((wrong, None), (X[:50], [20]), (np.hstack([X, X])[:50], None), (X[:0], None)):
        with pytest.raises(ValueError, match=r"inf|lengths|features|columns?|dimensions|sample"):
            model.partial_fit(bad, lengths)
        assert vars(model) == before
    model.partial_fit(X[120:])


def test_the_type_of_the_first_batch_stays():
    model = GaussianHMM(2, random_state=0).partial_fit(FRAMES[:120])
    assert model.partial_fit(FRAMES[120:].astype(np.float32)).means_.dtype == np.float64
    model = GaussianHMM(2, random_state=0).partial_fit(FRAMES[:120].astype(np.float32))
    assert model.partial_fit(FRAMES[120:]).means_.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values, arrays: arrays.pop("statistics.origin"), "statistics must be"),
        (lambda values, arrays: arrays.update({"statistics.more": np.zeros(2)}), "statistics must be"),
        (lambda values, arrays: arrays["statistics.trans"].fill(-1), "not be negative"),
        (lambda values, arrays: arrays["statistics.obs"].fill(np.nan), "finite float64"),
        (lambda values, arrays: arrays.update({"statistics.obs": np.zeros((2, 2))}), "shape"),
        (lambda values, arrays: values.pop("batches"), "unexpected|how many"),
        (lambda values, arrays: values.update(batches=0), "within"),
        (lambda values, arrays: values.update(seen=-1.0), "within"),
    ],
)
def test_hostile_statistics_are_refused(change, message):
    values, arrays = GaussianHMM(2, random_state=0).fit(FRAMES)._get_model_state()
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(values, arrays)
    with pytest.raises(ModelFileError, match=message):
        GaussianHMM(2)._set_model_state(values, arrays)


@pytest.mark.parametrize("model", [GaussianHMM(2, covariance_type="full"), GaussianHMM(2), GMMHMM(2, 2)])
def test_what_does_not_fit_float32_is_refused(model):
    huge = (RNG.normal(size=(100, 2)) * 1e30).astype(np.float32)
    for ask in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=r"does not fit float32: covars_ must be finite"):
            ask(huge)
    assert np.isfinite(model.fit(huge.astype(np.float64)).covars_).all()


def test_the_base_class_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        BaseHMM()
