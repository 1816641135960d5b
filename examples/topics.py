"""Topics of film reviews: python examples/topics.py [FOLDER] draws topics.png of docs/pictures.

FASTML_DATA names the folder that has the reviews, imdb_bow.npz. Words of more than 1,500 of the 25,000
reviews and of fewer than 20 are left out.
"""

import os
import sys
from pathlib import Path

import matplotlib
import numpy as np
from scipy import sparse

from fastml.decomposition import LatentDirichletAllocation, topic_coherence
from fastml.plot import plot_topics


def reviews():
    """Training and test reviews as matrices of counts, and the words."""
    file = np.load(Path(os.environ["FASTML_DATA"]) / "imdb_bow.npz")
    words = np.array(str(file["vocab"]).split("\n"))
    parts = [
        sparse.csr_matrix(
            (file[f"{part}_data"].astype(np.float32), file[f"{part}_indices"], file[f"{part}_indptr"]),
            shape=(25_000, words.size),
        )
        for part in ("train", "test")
    ]
    documents = np.bincount(parts[0].indices, minlength=words.size)
    kept = np.flatnonzero((documents >= 20) & (documents <= 1500))
    return [part[:, kept] for part in parts], words[kept]


def main(folder):
    """Fit 50 topics and draw those whose words go together best in other reviews."""
    matplotlib.use("agg")
    (train, test), words = reviews()
    model = LatentDirichletAllocation(
        50, doc_topic_prior=0.1, topic_word_prior=0.1, max_iter=10, random_state=0, verbose=1
    ).fit(train)
    coherence = topic_coherence(model.components_, test, measure="npmi")
    print(f"NPMI {coherence.mean():.3f}, perplexity by completion {model.completion_perplexity(test):.0f}")
    axes = plot_topics(model, topics=np.argsort(-coherence)[:10], feature_names=words)
    axes[0].figure.savefig(Path(folder) / "topics.png", dpi=100)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
