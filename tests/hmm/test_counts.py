"""CategoricalHMM, PoissonHMM, MultinomialHMM: textbook cases, slow recursions, bad input."""

import io

import numpy as np
import pytest
from scipy import stats

import fastml
from fastml.hmm import CategoricalHMM, MultinomialHMM, PoissonHMM
from tests.reference import forward_backward as reference

# Major earthquakes (magnitude 7 and above) of 1900 to 2006: Zucchini and MacDonald, Hidden Markov Models for
# Time Series, table 1.1
EARTHQUAKES = np.array(
    [
        *(
            13,
            14,
            8,
            10,
            16,
            26,
            32,
            27,
            18,
            32,
            36,
            24,
            22,
            23,
            22,
            18,
            25,
            21,
            21,
            14,
            8,
            11,
            14,
            23,
            18,
            17,
        ),
        *(19, 20, 22, 19, 13, 26, 13, 14, 22, 24, 21, 22, 26, 21, 23, 24, 27, 41, 31, 27, 35, 26, 28, 36, 39),
        *(21, 17, 22, 17, 19, 15, 34, 10, 15, 22, 18, 15, 20, 15, 22, 19, 16, 30, 27, 29, 23, 20, 16, 21, 21),
        *(25, 16, 18, 15, 18, 14, 10, 15, 8, 15, 6, 11, 8, 7, 18, 16, 13, 12, 13, 20, 15, 16, 12, 18, 15, 16),
        *(13, 15, 16, 11, 11),
    ]
)


def weather():
    """Rain and sun of Wikipedia's articles: walk, shop, clean."""
    model = CategoricalHMM(2)
    model.startprob_ = np.array([0.6, 0.4])
    model.transmat_ = np.array([[0.7, 0.3], [0.4, 0.6]])
    model.emissionprob_ = np.array([[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]])
    return model


def test_weather():
    model = weather()
    log_prob, path = model.decode([[0], [1], [2]])
    assert np.exp(log_prob) == pytest.approx(0.01344) and path.tolist() == [1, 0, 0]
    posteriors = [[0.23170303, 0.76829697], [0.62406281, 0.37593719], [0.86397706, 0.13602294]]
    np.testing.assert_allclose(model.predict_proba([[0], [1], [2]]), posteriors, atol=1e-6)
    assert model.decode([[0], [1], [2]], algorithm="map")[1].tolist() == [1, 0, 0]
    twin = MultinomialHMM(2, n_trials=1)
    for name in ("startprob_", "transmat_", "emissionprob_"):
        setattr(twin, name, getattr(model, name))
    assert twin.score(np.eye(3, dtype=int)) == pytest.approx(model.score([[0], [1], [2]]))


def test_umbrellas():
    """Russell and Norvig, Artificial Intelligence, section 14.2 (numbers of Wikipedia's forward-backward)."""
    model = CategoricalHMM(2)
    model.startprob_ = np.array([0.5, 0.5])
    model.transmat_ = np.array([[0.7, 0.3], [0.3, 0.7]])
    model.emissionprob_ = np.array([[0.9, 0.1], [0.2, 0.8]])
    log_prob, posteriors = model.score_samples([[0], [0], [1], [0], [0]])
    assert log_prob == pytest.approx(-3.3725, abs=5e-5)
    rain = [0.8673, 0.8204, 0.3075, 0.8204, 0.8673]
    np.testing.assert_allclose(posteriors[:, 0], rain, atol=5e-5)
    log_prob, path = model.decode([[0], [0], [1], [0], [0]])
    assert log_prob == pytest.approx(-4.4590, abs=5e-5) and path.tolist() == [0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("rates", "log_prob"), [((15.472, 26.125), -342.3183), ((13.146, 19.721, 29.714), -329.4603)]
)
def test_earthquakes(rates, log_prob):
    """Maximum likelihood for two and three states as in Zucchini and MacDonald, section 4.2.4."""
    n = len(rates)
    model = PoissonHMM(n, n_iter=2000, tol=1e-9, init_params="")
    model.startprob_ = np.full(n, 1 / n)
    model.transmat_ = np.full((n, n), 0.2 / n) + 0.8 * np.eye(n)
    model.lambdas_ = np.linspace(10, 30, n)[:, None]
    X = EARTHQUAKES[:, None]
    model.fit(X)
    # the book's chain of two states is -341.8787 when the first state is known, as EM finds here
    assert model.score(X) >= log_prob - 1e-3
    np.testing.assert_allclose(np.sort(model.lambdas_[:, 0]), rates, atol=0.4)


def some_cases():
    rng = np.random.default_rng(0)
    yield "poisson", rng.poisson(rng.choice([1.0, 6.0], size=(90, 1)), size=(90, 3))
    yield "multinomial", rng.multinomial(6, [0.2, 0.3, 0.5], size=90)
    yield "categorical", rng.integers(0, 5, size=(90, 1))


CASES = list(some_cases())


def started(kind):
    rng = np.random.default_rng(1)
    cls = {"poisson": PoissonHMM, "multinomial": MultinomialHMM, "categorical": CategoricalHMM}[kind]
    model = cls(3, init_params="", n_iter=12, tol=-np.inf)
    model.startprob_, model.transmat_ = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3), size=3)
    if kind == "poisson":
        model.lambdas_ = rng.uniform(0.5, 6, (3, 3))
    else:
        model.emissionprob_ = rng.dirichlet(np.ones(3 if kind == "multinomial" else 5), size=3)
    return model


def slow_logs(model, X):
    if isinstance(model, PoissonHMM):
        return stats.poisson.logpmf(X[:, None, :], model.lambdas_).sum(axis=2)
    if isinstance(model, MultinomialHMM):
        return np.stack([stats.multinomial.logpmf(X, X.sum(axis=1), p) for p in model.emissionprob_], axis=1)
    return np.log(model.emissionprob_.T[X[:, 0]])


LENGTHS = [30, 1, 59]


@pytest.mark.parametrize(("kind", "X"), CASES)
def test_slow_recursions(kind, X):
    model = started(kind)
    logs = slow_logs(model, X)
    ends = np.cumsum(LENGTHS)
    parts = [
        reference.expectations(model.startprob_, model.transmat_, logs[e - n : e])
        for e, n in zip(ends, LENGTHS, strict=True)
    ]
    total, posteriors = model.score_samples(X, LENGTHS)
    assert total == pytest.approx(sum(part[0] for part in parts), rel=1e-12)
    assert model.score(X, LENGTHS) == pytest.approx(total, rel=1e-13)
    np.testing.assert_allclose(posteriors, np.concatenate([part[1] for part in parts]), atol=1e-11)
    best = [
        reference.viterbi(model.startprob_, model.transmat_, logs[e - n : e])
        for e, n in zip(ends, LENGTHS, strict=True)
    ]
    log_prob, path = model.decode(X, LENGTHS)
    assert log_prob == pytest.approx(sum(part[0] for part in best), rel=1e-12)
    np.testing.assert_array_equal(path, np.concatenate([part[1] for part in best]))
    model.n_iter = 1
    model.fit(X, LENGTHS)
    gamma, moves = posteriors, sum(part[2] for part in parts)
    np.testing.assert_allclose(model.transmat_, moves / moves.sum(axis=1, keepdims=True), atol=1e-11)
    if kind == "poisson":
        np.testing.assert_allclose(model.lambdas_, gamma.T @ X / gamma.sum(axis=0)[:, None], rtol=1e-10)
    else:
        counts = gamma.T @ (X if kind == "multinomial" else np.eye(5)[X[:, 0]])
        np.testing.assert_allclose(
            model.emissionprob_, counts / counts.sum(axis=1, keepdims=True), atol=1e-11
        )


@pytest.mark.parametrize(("kind", "X"), CASES)
def test_likelihood_grows_threads_and_files(kind, X):
    seen = set()
    for n_jobs in (1, 2, 3, 7):
        model = started(kind).set_params(n_jobs=n_jobs).fit(X, LENGTHS)
        assert (np.diff(model.monitor_.history) > -1e-9).all()
        seen.add(model.transmat_.tobytes() + model.predict_proba(X).tobytes())
    assert len(seen) == 1
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    assert fastml.load(file).score(X, LENGTHS) == model.score(X, LENGTHS)
    X, states = model.sample(20, random_state=0)
    assert len(X) == len(states) == 20 and np.isfinite(model.aic(X) + model.bic(X))


@pytest.mark.parametrize(("kind", "X"), CASES)
def test_missing_rows(kind, X):
    model = started(kind)
    logs = slow_logs(model, X)
    missing = [0, 5, 6, 7, 89]
    logs[missing] = 0
    X = X.astype(float)
    X[missing] = np.nan
    total, gamma, _ = reference.expectations(model.startprob_, model.transmat_, logs)
    assert model.score(X) == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(model.predict_proba(X), gamma, atol=1e-11)
    model.fit(X)
    assert (np.diff(model.monitor_.history) > -1e-9).all()


def test_impossible_symbols():
    model = weather()
    model.emissionprob_ = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])
    X = [[0], [2], [1]]
    assert model.score(X) == -np.inf
    for call in (model.score_samples, model.decode, model.predict_proba):
        with pytest.raises(ValueError, match="sequence 0 has probability 0"):
            call(X)
    with pytest.raises(ValueError, match="sequence 1 has probability 0"):
        model.set_params(init_params="").fit([[0], [1], *X], [2, 3])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[0], [3]], "Largest symbol is 3"),
        ([[0], [-1]], "nonnegative"),
        ([[0.0], [1.0]], "integers"),
        ([[0.5], [np.nan]], "integers"),
        ([[0, 1]], "one column"),
        ([[np.nan]], "every symbol"),
    ],
)
def test_bad_symbols(X, message):
    for call in (weather().score, weather().predict):
        with pytest.raises(ValueError, match=message):
            call(np.array(X))


def test_bad_counts():
    good = np.array([[1, 2], [3, 0]])
    poisson = PoissonHMM(1, random_state=0).fit(good)
    for call in (poisson.fit, poisson.score):
        with pytest.raises(ValueError, match="negative, found -1"):
            call(good - 2 * (good == 3) - (good == 0))
        with pytest.raises(ValueError, match="whole numbers"):
            call(good + 0.5)
        with pytest.raises(ValueError, match="every row"):
            call(np.full((3, 2), np.nan))
    multinomial = MultinomialHMM(1, random_state=0)
    for X in (good - 5, good + 0.5, good.astype(float)):
        with pytest.raises(ValueError, match=r"negative|integers|whole"):
            multinomial.fit(X)
    with pytest.raises(ValueError, match="number of trials"):
        MultinomialHMM(1, n_trials=4).fit(good)


def test_priors():
    """Dirichlet and gamma priors add counts."""
    X = np.array([[0], [0], [1], [0]])
    model = CategoricalHMM(1, emissionprob_prior=3.0, n_iter=1, n_features=3).fit(X)
    np.testing.assert_allclose(model.emissionprob_, [[5 / 10, 3 / 10, 2 / 10]])
    model = PoissonHMM(1, lambdas_prior=4.0, lambdas_weight=2.0, n_iter=1).fit(np.array([[2], [4]]))
    np.testing.assert_allclose(model.lambdas_, [[(4 + 6) / (2 + 2)]])


def test_objects_are_read_as_the_numbers_that_they_are():
    symbols = np.array([[0], [1], [2], [1], [0]] * 10)
    counts = np.array([[1, 3], [2, 2], [4, 0]] * 10)
    for model, X in (
        (CategoricalHMM(2, random_state=0), symbols),
        (MultinomialHMM(2, random_state=0), counts),
    ):
        expected = model.fit(X).emissionprob_
        np.testing.assert_array_equal(model.fit(X.astype(object)).emissionprob_, expected)
        with pytest.raises(ValueError, match="integers"):
            model.fit((X + 0.5).astype(object))
        with pytest.raises(ValueError):
            model.fit(np.array([["a"]] * 10, dtype=object))
