"""Draws the pictures of docs/mixture.md: `python examples/mixtures.py [FOLDER]`."""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from fastml.mixture import BayesianGaussianMixture, GaussianMixture, select_mixture
from fastml.plot import plot_mixture, plot_selection


def rows():
    """Four groups in the plane, of several sizes and shapes."""
    rng = np.random.default_rng(3)
    groups = [
        rng.normal(size=(400, 2)) @ [[1.6, 0.5], [0, 0.5]],
        [4, 3] + rng.normal(size=(300, 2)) @ [[0.5, -0.4], [0, 0.9]],
        [-2, 4] + rng.normal(size=(300, 2)) * [0.9, 0.4],
        [4, -2] + 0.5 * rng.normal(size=(150, 2)),
    ]
    return np.concatenate(groups)


def main(folder):
    """Two mixtures side by side; BIC by number of components."""
    X = rows()
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    plot_mixture(GaussianMixture(4, random_state=0, n_init=3).fit(X), X, ax=axes[0])
    axes[0].set_title("GaussianMixture, 4 components", fontsize="medium")
    model = BayesianGaussianMixture(
        n_components=10, weight_concentration_prior=1e-2, random_state=0, max_iter=1000
    ).fit(X)
    plot_mixture(model, X, ax=axes[1])
    used = int((model.weights_ > 0.01).sum())
    axes[1].set_title(f"BayesianGaussianMixture, at most 10: {used} used", fontsize="medium")
    figure.savefig(folder / "mixture.png", dpi=110)
    choice = select_mixture(X, range(1, 9), estimator=GaussianMixture(random_state=0, n_init=2))
    plot_selection(choice).figure.savefig(folder / "mixture-selection.png", dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures"))
