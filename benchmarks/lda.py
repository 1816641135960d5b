"""Topic models against scikit-learn, gensim and tomotopy: time, and perplexity of held-out documents.

Held-out documents are cut in two: their topics are found from one part, the other part is predicted
(`fastml.decomposition.completion_perplexity`). The topics of every library are judged by the same search for
the documents' topics, with the library's own prior, so that only what was learned differs.
"""

import numpy as np
from scipy import sparse

from benchmarks import dense_contest
from benchmarks.datasets import _read
from benchmarks.dense_contest import Contestant

AIM = (
    "Topic models from the matrix of counts to topics: variational inference in 10 passes over documents, "
    "or 1, Gibbs sampling (tomotopy) in as many iterations as its name says. Aim: 12 times scikit-learn, "
    "ahead of gensim, ahead of tomotopy in time to the same perplexity."
)


def _corpus(X, held_out, n_topics, passes):
    from fastml.decomposition import split_documents

    seen, hidden = split_documents(held_out, random_state=0)
    return {"X": X, "seen": seen, "hidden": hidden, "n_topics": n_topics, "passes": passes}


def kos_bow(passes=10):
    """3,430 blog entries, a tenth held out; 50 topics."""
    file = _read("kos_bow.npz")
    X = sparse.csr_matrix((file["data"].astype(np.float64), file["indices"], file["indptr"]))
    X.sort_indices()
    X = X[np.random.default_rng(0).permutation(X.shape[0])]
    return _corpus(X[343:], X[:343], 50, passes)


def imdb_bow(passes=10):
    """25,000 film reviews, 2,000 others held out; 100 topics."""
    file = _read("imdb_bow.npz")
    parts = []
    for name in ("train", "test"):
        indices = file[f"{name}_indices"].astype(np.int32)
        counts = file[f"{name}_data"].astype(np.float64)
        X = sparse.csr_matrix((counts, indices, file[f"{name}_indptr"]), shape=(25_000, 28_184))
        X.sort_indices()
        parts.append(X)
    return _corpus(parts[0], parts[1][:2000], 100, passes)


SETS = {
    "kos_bow, 50 topics": kos_bow,
    "imdb_bow, 100 topics, 1 pass": lambda: imdb_bow(1),
    "imdb_bow, 100 topics": imdb_bow,
}


def quality(data, fitted):
    """Perplexity of the hidden parts of held-out documents under (topics, prior of documents)."""
    from fastml.decomposition import LatentDirichletAllocation, completion_perplexity

    topics, alpha = fitted
    topics = np.asarray(topics, dtype=np.float64)
    topics = topics / topics.sum(axis=1, keepdims=True)
    judge = LatentDirichletAllocation(len(topics), max_iter=0).fit(data["seen"])
    judge.components_ = topics * 1e7  # so many tokens that exp(E[log beta]) is beta
    judge.doc_topic_prior_ = np.asarray(alpha, dtype=np.float64)
    theta = judge.transform(data["seen"])
    return {"perplexity": completion_perplexity(theta, topics, data["hidden"])}


def _fastml(dtype, method, times=1, **options):
    def prepare(data, threads):
        from fastml.decomposition import LatentDirichletAllocation

        X = data["X"].astype(dtype)

        def fit():
            model = LatentDirichletAllocation(
                data["n_topics"],
                learning_method=method,
                max_iter=times * data["passes"],
                random_state=data["turn"],
                n_jobs=threads,
                **options,
            ).fit(X)
            return model.components_, model.doc_topic_prior_

        return fit

    return prepare


def _sklearn(method, batch_size=128):
    def prepare(data, threads):
        from sklearn.decomposition import LatentDirichletAllocation

        def fit():
            model = LatentDirichletAllocation(
                data["n_topics"],
                learning_method=method,
                max_iter=data["passes"],
                batch_size=batch_size,
                random_state=data["turn"],
                n_jobs=threads,
            ).fit(data["X"])
            return model.components_, model.doc_topic_prior_

        return fit

    return prepare


def _gensim(chunksize):
    def prepare(data, threads):
        from gensim.matutils import Sparse2Corpus
        from gensim.models import LdaModel, LdaMulticore

        def fit():
            # a list: the corpus is gone through once a pass, and gensim's view makes its lines every time
            corpus = [line for line in Sparse2Corpus(data["X"], documents_columns=False)]
            options = {
                "num_topics": data["n_topics"],
                "id2word": dict.fromkeys(range(data["X"].shape[1]), ""),
                "passes": data["passes"],
                "chunksize": chunksize,
                "eval_every": None,
                "random_state": data["turn"],
            }
            model = (
                LdaModel(corpus, **options)
                if threads == 1
                else LdaMulticore(corpus, workers=threads, **options)
            )
            return model.get_topics(), model.alpha

        return fit

    return prepare


def _tomotopy(iterations):
    def prepare(data, threads):
        import tomotopy

        X = data["X"]
        if data["passes"] == 1:
            raise dense_contest.NotHere("it counts iterations, not passes")

        def fit():
            model = tomotopy.LDAModel(k=data["n_topics"], seed=data["turn"])
            words = np.array([str(j) for j in range(X.shape[1])], dtype=object)
            for d in range(X.shape[0]):
                line = slice(X.indptr[d], X.indptr[d + 1])
                model.add_doc(np.repeat(words[X.indices[line]], X.data[line].astype(np.int64)).tolist())
            model.train(iterations, workers=threads)
            topics = np.zeros((data["n_topics"], X.shape[1]))
            columns = np.array([int(word) for word in model.used_vocabs])
            for k in range(data["n_topics"]):
                topics[k, columns] = model.get_topic_word_dist(k)
            # words that no training document has: as likely as the rarest
            topics[topics == 0] = topics[topics > 0].min()
            return topics, model.alpha

        return fit

    return prepare


# priors that suit both sets better than the default, 1 / topics; tomotopy learns that of documents, too
PRIORS = {"doc_topic_prior": "auto", "topic_word_prior": 0.3}

CONTESTANTS = [
    Contestant("fastml batch", _fastml(np.float64, "batch"), (2, 1)),
    Contestant("fastml batch, float32", _fastml(np.float32, "batch"), (2, 1), "fastml"),
    Contestant("fastml online", _fastml(np.float64, "online"), (2, 1), "fastml"),
    Contestant("fastml batch, priors", _fastml(np.float64, "batch", **PRIORS), (2,), "fastml"),
    Contestant(
        "fastml batch, priors, 3 x passes", _fastml(np.float64, "batch", times=3, **PRIORS), (2,), "fastml"
    ),
    Contestant("scikit-learn batch", _sklearn("batch"), (2, 1), "scikit-learn"),
    Contestant("scikit-learn online", _sklearn("online"), (2, 1), "scikit-learn"),
    Contestant("gensim", _gensim(256), (2, 1), "gensim"),
    Contestant("tomotopy, 20 iterations", _tomotopy(20), (2,), "tomotopy"),
    Contestant("tomotopy, 100 iterations", _tomotopy(100), (2,), "tomotopy"),
    Contestant("tomotopy, 500 iterations", _tomotopy(500), (2,), "tomotopy"),
]


def main(arguments):
    """Print the table."""
    dense_contest.run(__name__, arguments)
