"""Latent Dirichlet allocation: the topics, threads, priors, weights, kinds of input, bad input, files."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import LatentDirichletAllocation as Theirs

import fastml
from fastml.decomposition import LatentDirichletAllocation
from fastml.decomposition.variational import VariationalTopics
from fastml.io import ModelFileError
from tests.reference import topics as reference


def corpus(n_documents=60, n_words=40, n_topics=4, seed=0, length=50):
    rng = np.random.default_rng(seed)
    beta = rng.dirichlet(np.full(n_words, 0.1), n_topics)
    p = rng.dirichlet(np.full(n_topics, 0.2), n_documents) @ beta
    p = p / (p.sum(axis=1, keepdims=True) * (1 + 1e-12))
    return np.array([rng.multinomial(rng.poisson(length), row) for row in p]).astype(np.float64)


class Cold(Theirs):
    """scikit-learn's, with documents that begin with equal topics."""

    def _e_step(self, X, cal_sstats, random_init, parallel=None):
        return super()._e_step(X, cal_sstats, False, parallel)


def start(n_topics, n_words, seed=0):
    return np.random.RandomState(seed).gamma(100.0, 0.01, (n_topics, n_words))


# -- the topics


def test_batch_is_the_reference():
    X = corpus()
    expected = reference.fit_batch(X, start(4, 40), np.full(4, 0.25), 0.25, passes=4)
    model = LatentDirichletAllocation(4, max_iter=4, random_state=0).fit(X)
    np.testing.assert_allclose(model.components_, expected, rtol=1e-9)


def test_online_is_the_reference():
    X = corpus(n_words=300, length=20)  # so many words that most are not among 7 documents
    expected = reference.fit_online(X, start(3, 300), np.full(3, 0.1), 0.2, 3, 7, 0.6, 5.0)
    model = LatentDirichletAllocation(
        3,
        learning_method="online",
        batch_size=7,
        learning_decay=0.6,
        learning_offset=5.0,
        doc_topic_prior=0.1,
        topic_word_prior=0.2,
        max_iter=3,
        random_state=0,
    ).fit(X)
    np.testing.assert_allclose(model.components_, expected, rtol=1e-8)
    assert model.n_batch_iter_ == 1 + 3 * 9


@pytest.mark.parametrize("method", ["batch", "online"])
def test_topics_are_scikit_learns(method):
    """From the same start. scikit-learn adds an epsilon to each sum, and its digamma is good to 3e-9."""
    X = sparse.csr_matrix(corpus(200, 80, 5))
    options = {"learning_method": method, "random_state": 0, "max_iter": 5, "batch_size": 64}
    theirs, ours = Cold(5, **options).fit(X), LatentDirichletAllocation(5, **options).fit(X)
    np.testing.assert_allclose(ours.components_, theirs.components_, rtol=1e-6)
    np.testing.assert_allclose(ours.exp_dirichlet_component_, theirs.exp_dirichlet_component_, rtol=1e-5)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-6)
    np.testing.assert_allclose(ours.lower_bound(X), theirs.score(X), rtol=1e-8)
    assert (ours.n_iter_, ours.n_batch_iter_) == (theirs.n_iter_, theirs.n_batch_iter_)


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_never_decreases(seed):
    X = corpus(seed=seed)
    exact = {"mean_change_tol": 1e-9, "max_doc_update_iter": 5000}
    bounds = [
        LatentDirichletAllocation(4, max_iter=n, random_state=seed, **exact).fit(X).lower_bound(X)
        for n in range(1, 16)
    ]
    assert (np.diff(bounds) >= -1e-9 * np.abs(bounds[0])).all()


@pytest.mark.parametrize("method", ["batch", "online"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_same_bytes_on_any_number_of_threads(method, dtype):
    X = sparse.csr_matrix(corpus(300, 700, 9, length=120).astype(dtype))
    made = set()
    for n_jobs in (1, 2, 3, 7):
        model = LatentDirichletAllocation(
            9,
            learning_method=method,
            doc_topic_prior="auto",
            max_iter=3,
            evaluate_every=1,
            random_state=0,
            n_jobs=n_jobs,
        ).fit(X)
        made.add(
            model.components_.tobytes()
            + model.transform(X).tobytes()
            + model.doc_topic_prior_.tobytes()
            + np.float64(model.bound_).tobytes()
        )
    assert len(made) == 1


def test_float32_finds_the_topics_of_float64():
    X = corpus(300, 80, 5)
    wide = LatentDirichletAllocation(5, random_state=0).fit(X)
    narrow = LatentDirichletAllocation(5, random_state=0).fit(X.astype(np.float32))
    assert narrow.components_.dtype == narrow.transform(X).dtype == np.float32
    np.testing.assert_allclose(narrow.components_, wide.components_, rtol=0.02, atol=0.02)
    assert abs(narrow.bound_ / wide.bound_ - 1) < 1e-4


def test_learning_decay_0_with_one_batch_is_batch_learning():
    X = corpus()
    batch = LatentDirichletAllocation(4, random_state=0).fit(X)
    online = LatentDirichletAllocation(
        4, random_state=0, learning_method="online", learning_decay=0.0, batch_size=60
    ).fit(X)
    np.testing.assert_allclose(online.components_, batch.components_, rtol=1e-10)
    every = LatentDirichletAllocation(
        4, random_state=0, learning_method="online", learning_decay=0.0, batch_size=7
    ).fit(corpus(n_words=300, length=10))
    assert np.isfinite(every.components_).all()


def test_partial_fit_is_online_fit():
    X = corpus(n_words=300, length=20)
    options = {"random_state": 0, "batch_size": 10, "total_samples": 60}
    whole = LatentDirichletAllocation(4, learning_method="online", max_iter=1, **options).fit(X)
    parts = LatentDirichletAllocation(4, **options)
    for first in range(0, 60, 20):
        parts.partial_fit(X[first : first + 20])
        assert np.isfinite(parts.components_).all()
    np.testing.assert_allclose(parts.components_, whole.components_, rtol=1e-12)
    assert parts.n_batch_iter_ == whole.n_batch_iter_


def test_components_may_be_set_from_outside():
    X = corpus()
    fitted = LatentDirichletAllocation(4, random_state=0).fit(X)
    other = LatentDirichletAllocation(4, random_state=1, max_iter=1).fit(X)
    other.components_ = np.array(fitted.components_)
    np.testing.assert_array_equal(other.transform(X), fitted.transform(X))
    np.testing.assert_array_equal(other.partial_fit(X).components_, other.components_)
    assert not np.array_equal(other.components_, fitted.components_)


def test_accumulate_merge_update():
    """What two workers accumulated, merged, is what one has accumulated of all documents."""
    from fastml._engine.dense.topics import Documents

    X = sparse.csr_matrix(corpus())
    alpha = np.full(4, 0.25)
    one, left, right = (VariationalTopics(start(4, 40), 0.25) for _ in range(3))
    rule = one.rule(100, 1e-3, 1e-10)
    one.accumulate(Documents(X), 0, 60, alpha, rule)
    left.accumulate(Documents(X[:25]), 0, 25, alpha, rule)
    right.accumulate(Documents(X[25:]), 0, 35, alpha, rule)
    left.merge(right)
    for topics in (one, left):
        topics.update()
    np.testing.assert_allclose(left.components, one.components, rtol=1e-12)


# -- priors and weights


def test_asymmetric_prior():
    X = corpus()
    alpha = [0.05, 0.1, 0.5, 2.0]
    expected = reference.fit_batch(X, start(4, 40), np.array(alpha), 0.25, passes=3)
    model = LatentDirichletAllocation(4, doc_topic_prior=alpha, max_iter=3, random_state=0).fit(X)
    np.testing.assert_allclose(model.components_, expected, rtol=1e-9)
    np.testing.assert_array_equal(model.doc_topic_prior_, alpha)


@pytest.mark.parametrize("method", ["batch", "online"])
def test_learned_prior_finds_unequal_topics(method):
    """Topics of disjoint words and unequal weight: the prior's order and size are those of the documents."""
    rng = np.random.default_rng(0)
    alpha = np.array([0.1, 0.3, 1.5])
    theta = rng.dirichlet(alpha, 2000)
    beta = np.kron(np.eye(3), np.full((1, 5), 0.2))
    X = np.array([rng.multinomial(100, p / (p.sum() * (1 + 1e-12))) for p in theta @ beta], dtype=float)
    model = LatentDirichletAllocation(
        3, doc_topic_prior="auto", learning_method=method, max_iter=30, random_state=2
    ).fit(X)
    order = [int(np.argmax(model.components_[:, word])) for word in (0, 5, 10)]
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(model.doc_topic_prior_[order], alpha, rtol=0.35)
    fixed = LatentDirichletAllocation(3, learning_method=method, max_iter=30, random_state=2).fit(X)
    assert model.score(X) > fixed.score(X)


@pytest.mark.parametrize("method", ["batch", "online"])
def test_weights_are_repeats(method):
    X = corpus(20)
    weight = np.arange(20) % 3
    options = {"learning_method": method, "batch_size": 100, "random_state": 0, "doc_topic_prior": "auto"}
    weighted = LatentDirichletAllocation(3, **options).fit(X, sample_weight=weight)
    repeated = LatentDirichletAllocation(3, **options).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(weighted.components_, repeated.components_, rtol=1e-7)
    np.testing.assert_allclose(weighted.bound_, repeated.bound_, rtol=1e-9)
    np.testing.assert_allclose(
        weighted.score(X, sample_weight=weight), repeated.score(np.repeat(X, weight, axis=0)), rtol=1e-9
    )


def test_batch_of_weight_0_changes_nothing():
    X = corpus(20)
    options = {"batch_size": 10, "random_state": 0}
    half = LatentDirichletAllocation(3, **options).partial_fit(X[10:])
    weighted = LatentDirichletAllocation(3, **options).partial_fit(X, sample_weight=np.arange(20) >= 10)
    np.testing.assert_array_equal(weighted.components_, half.components_)


@pytest.mark.parametrize("prior", ["doc_topic_prior", "topic_word_prior"])
def test_a_prior_of_0_gives_numbers(prior):
    X = corpus(20)
    X[0] = 0
    model = LatentDirichletAllocation(3, random_state=0, **{prior: 0}).fit(X)
    assert np.isfinite(model.components_).all()
    np.testing.assert_allclose(model.transform(X).sum(axis=1), 1)


# -- kinds of input


def test_any_container_and_number_type():
    X = corpus().astype(int)
    expected = LatentDirichletAllocation(3, random_state=0, max_iter=2).fit(X.astype(float))
    kinds = [
        X,
        X.astype(np.int8),
        X.astype(np.uint16),
        X.astype(np.float16),
        X.tolist(),
        np.asfortranarray(X),
    ]
    kinds += [make(X) for make in (sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array)]
    shuffled = sparse.csr_matrix(X)
    for d in range(60):
        line = slice(shuffled.indptr[d], shuffled.indptr[d + 1])
        shuffled.indices[line], shuffled.data[line] = shuffled.indices[line][::-1], shuffled.data[line][::-1]
    shuffled.has_sorted_indices = False
    wide = sparse.csr_matrix(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    zeros = sparse.csr_matrix(X + 1.0)
    zeros.data -= 1
    for kind in [*kinds, shuffled, wide, zeros]:
        model = LatentDirichletAllocation(3, random_state=0, max_iter=2).fit(kind)
        np.testing.assert_allclose(model.components_, expected.components_, rtol=1e-12)
        np.testing.assert_allclose(model.transform(kind), expected.transform(X), rtol=1e-12)
        assert model.components_.dtype == np.float64


def test_input_is_not_changed():
    X = sparse.csr_matrix(corpus())
    X.indices[: X.indptr[1]] = X.indices[: X.indptr[1]][::-1].copy()
    X.data[: X.indptr[1]] = X.data[: X.indptr[1]][::-1].copy()
    X.has_sorted_indices = False
    for array in (X.data, X.indices, X.indptr):
        array.setflags(write=False)
    kept = X.copy()
    LatentDirichletAllocation(3, max_iter=2).fit(X).transform(X)
    assert (X != kept).nnz == 0


def test_data_frames_name_the_words():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(corpus(), columns=[f"word{j}" for j in range(40)])
    model = LatentDirichletAllocation(3, random_state=0).fit(frame)
    assert model.feature_names_in_[7] == "word7"
    assert all(word.startswith("word") for topic in model.top_words(4) for word in topic)


def test_empty_documents_and_words_that_never_occur():
    X = corpus()
    X[[0, 17]] = 0
    X[:, 5] = 0
    model = LatentDirichletAllocation(4, random_state=0).fit(X)
    np.testing.assert_allclose(model.transform(X)[[0, 17]], 0.25)
    np.testing.assert_allclose(model.components_[:, 5], 0.25)
    np.testing.assert_allclose(model.transform(X, normalize=False)[0], 0.25)
    held_out = np.zeros((1, 40))
    held_out[0, 5] = 3
    assert np.isfinite(model.perplexity(held_out))
    skewed = LatentDirichletAllocation(2, doc_topic_prior=[1, 3], random_state=0).fit(X)
    np.testing.assert_allclose(skewed.transform(X)[0], [0.25, 0.75])


def test_one_topic_one_document_one_word():
    X = corpus()
    one = LatentDirichletAllocation(1, random_state=0).fit(X)
    np.testing.assert_allclose(one.components_[0], 1 + X.sum(axis=0))
    np.testing.assert_array_equal(one.transform(X), np.ones((60, 1)))
    few = LatentDirichletAllocation(7, random_state=0).fit(X[:1])
    assert np.isfinite(few.components_).all() and few.components_.shape == (7, 40)
    word = LatentDirichletAllocation(3, random_state=0).fit(X[:, :1])
    assert np.isfinite(word.transform(X[:, :1])).all()
    assert LatentDirichletAllocation(3, max_iter=0, random_state=0).fit(X).n_iter_ == 0


def test_more_topics_than_documents():
    X = corpus(5)
    model = LatentDirichletAllocation(64, random_state=0).fit(X)
    expected = reference.fit_batch(X, start(64, 40), np.full(64, 1 / 64), 1 / 64, passes=10)
    np.testing.assert_allclose(model.components_, expected, rtol=1e-6)


def test_no_tokens_at_all():
    model = LatentDirichletAllocation(3).fit(np.zeros((4, 5)))
    assert np.isnan(model.bound_) and model.score(np.zeros((4, 5))) == 0
    with pytest.raises(ValueError, match="no token of positive weight"):
        model.perplexity(np.zeros((4, 5)))
    with pytest.raises(ValueError, match="no token of positive weight"):
        model.perplexity(np.vstack([np.ones(5), np.zeros(5)]), sample_weight=[0.0, 1.0])
    np.testing.assert_allclose(model.components_, 1 / 3)


def test_weights_of_words_need_not_be_whole():
    X = corpus() * 0.013
    expected = reference.fit_batch(X, start(4, 40), np.full(4, 0.25), 0.25, passes=2)
    model = LatentDirichletAllocation(4, max_iter=2, random_state=0).fit(X)
    np.testing.assert_allclose(model.components_, expected, rtol=1e-9)


# -- bad input


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize(
    ("value", "message"),
    [(-1.0, "Negative values"), (np.nan, "NaN"), (np.inf, "infinity"), (2.0**40, "below 2\\*\\*40")],
)
def test_bad_counts_are_refused(make, value, message):
    X = corpus()
    fitted = LatentDirichletAllocation(3, max_iter=1).fit(X)
    X[3, 4] = value
    bad = make(X)
    for call in (fitted.transform, fitted.perplexity, fitted.score, fitted.lower_bound, fitted.partial_fit):
        with pytest.raises(ValueError, match=message):
            call(bad)
    with pytest.raises(ValueError, match=message):
        LatentDirichletAllocation(3).fit(bad)


def test_another_vocabulary_is_refused():
    fitted = LatentDirichletAllocation(3, max_iter=1).fit(corpus())
    for call in (fitted.transform, fitted.perplexity, fitted.score, fitted.partial_fit):
        with pytest.raises(ValueError, match="39 features, but LatentDirichletAllocation is expecting 40"):
            call(corpus()[:, :39])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 0}, "n_components"),
        ({"doc_topic_prior": -0.1}, "doc_topic_prior"),
        ({"doc_topic_prior": "learned"}, "doc_topic_prior"),
        ({"doc_topic_prior": [0.1, 0.2]}, "3 finite numbers"),
        ({"doc_topic_prior": [0.1, 0.2, np.nan]}, "3 finite numbers"),
        ({"topic_word_prior": -1}, "topic_word_prior"),
        ({"learning_method": "gibbs"}, "learning_method"),
        ({"learning_offset": 0.5}, "learning_offset"),
        ({"n_jobs": 0}, "n_jobs"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LatentDirichletAllocation(**{"n_components": 3, **options}).fit(corpus())


@pytest.mark.parametrize("weight", [np.full(60, -1.0), np.zeros(60), np.ones(59), np.full(60, np.nan)])
def test_bad_weights_are_refused(weight):
    with pytest.raises(ValueError):
        LatentDirichletAllocation(3).fit(corpus(), sample_weight=weight)


# -- telling, stopping, files


def test_verbose_tells_the_time_left(capsys):
    LatentDirichletAllocation(3, max_iter=4, verbose=1, evaluate_every=2).fit(corpus())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "perplexity: " in lines[1] and "perplexity" not in lines[0]
    assert lines[3].startswith("iteration: 4 of max_iter: 4") and lines[3].endswith("0.0 s left")


def test_perp_tol_ends_a_fit():
    model = LatentDirichletAllocation(3, max_iter=500, evaluate_every=1, perp_tol=0.5, random_state=0)
    assert model.fit(corpus()).n_iter_ < 100


def test_clone_and_pickle():
    X = corpus()
    model = LatentDirichletAllocation(3, random_state=0).fit(X)
    other = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(other.transform(X), model.transform(X))
    np.testing.assert_array_equal(
        other.partial_fit(X).components_, clone(model).fit(X).partial_fit(X).components_
    )


@pytest.mark.parametrize("prior", [None, 0.3, [0.1, 0.2, 0.3], "auto"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_file(tmp_path, prior, dtype):
    X = corpus().astype(dtype)
    model = LatentDirichletAllocation(3, doc_topic_prior=prior, random_state=0).fit(X)
    model.save(tmp_path / "topics.fastml")
    same = fastml.load(tmp_path / "topics.fastml")
    np.testing.assert_array_equal(same.components_, model.components_)
    np.testing.assert_array_equal(same.transform(X), model.transform(X))
    np.testing.assert_array_equal(same.doc_topic_prior_, model.doc_topic_prior_)
    assert type(same.doc_topic_prior_) is type(model.doc_topic_prior_)
    assert same.bound_ == model.bound_ and same.perplexity(X) == model.perplexity(X)
    np.testing.assert_array_equal(same.partial_fit(X).components_, model.partial_fit(X).components_)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("components", np.full((3, 40), np.nan)),
        ("components", np.full((3, 40), -1.0)),
        ("components", np.ones((2, 40))),
        ("components", np.ones((3, 40), dtype=np.int64)),
        ("doc_topic_prior", np.ones(2)),
        ("doc_topic_prior", np.full(1, np.inf)),
        ("topic_word_prior", float("nan")),
        ("n_batch_iter", 0),
        ("n_features", 39),
        ("bound", "good"),
        ("more", 1),
    ],
)
def test_hostile_state_is_refused(field, value):
    values, arrays = LatentDirichletAllocation(3, max_iter=1).fit(corpus())._get_model_state()
    (arrays if isinstance(value, np.ndarray) else values)[field] = value
    with pytest.raises(ModelFileError):
        LatentDirichletAllocation(3)._set_model_state(values, arrays)
