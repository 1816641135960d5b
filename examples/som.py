"""Draw self-organising maps of real data: the pictures of docs/som.md.

Run it with ``python examples/som.py``; the pictures go to docs/pictures, and what they show is printed. The
wine data come with scikit-learn, and so does the picture that is cut into regions; the cells are generated.
"""

import argparse
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # draw without a screen; must come before pyplot

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image, load_wine
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from fastml.cluster import SOM
from fastml.plot.axes import INK
from fastml.plot.som import (
    plot_component_planes,
    plot_hits,
    plot_label_map,
    plot_map,
    plot_region_borders,
    plot_trajectory,
    plot_u_matrix,
)

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "pictures"


def save(figure, name):
    figure.savefig(OUTPUT / f"{name}.png", dpi=110, facecolor="white")
    plt.close(figure)


def wine():
    """178 wines by 13 measurements, and a map of them."""
    data = load_wine(as_frame=True)
    X = data.data.copy()
    X[:] = StandardScaler().fit_transform(X)
    som = SOM(9, 13, topology="hexagonal", radius_end=0.6, n_clusters=3).fit(X)
    return data, X, som


def draw_wine():
    """A map of wines: borders, hits, cultivars and regions."""
    data, X, som = wine()
    figure, axes = plt.subplots(2, 2, figsize=(10.4, 5.6), layout="constrained")
    (above, hits), (labels, way) = axes
    plot_u_matrix(som, ax=above, title="U-matrix: distances of neighbours")
    plot_hits(som, ax=hits, title="wines of each node, and three regions")
    plot_region_borders(som, ax=hits)
    names = np.array(["Barolo", "Grignolino", "Barbera"])[data.target]
    winners, votes = som.label_map(X, names)
    plot_label_map(som, winners, votes=votes, ax=labels, title="cultivar by vote, and the regions")
    plot_region_borders(som, ax=labels)
    plot_trajectory(
        som,
        X.iloc[[0, 20, 50, 65, 80, 110, 125, 135, 150, 170]],
        ax=plot_u_matrix(som, edges=False, colorbar=False, ax=way),
    )
    way.set_title("ten wines in a row", color=INK, fontsize="medium")
    save(figure, "som-wine")
    errors = som.quantization_error(X), som.topographic_error(X)
    print("  quantisation error {:.2f}, topographic error {:.3f}".format(*errors))
    index = adjusted_rand_score(data.target, som.labels_)
    print(f"  three regions against the cultivars: adjusted Rand index {index:.2f}")


def draw_planes():
    """What the nodes are like, feature by feature."""
    _, _, som = wine()
    axes = plot_component_planes(
        som, ["alcohol", "malic_acid", "flavanoids", "color_intensity", "hue", "proline"], n_columns=3
    )
    save(axes[0].figure, "som-planes")


def draw_image():
    """A photograph, its colours put on a map, and the map's regions put back."""
    image = load_sample_image("flower.jpg")
    X = image.reshape(-1, 3).astype(np.float32) / 255
    start = time.perf_counter()
    som = SOM(16, 16, topology="hexagonal", max_iter=15, n_clusters=5).fit(X)
    print(f"  {len(X):,} pixels on 16 x 16 nodes: {time.perf_counter() - start:.2f} s")
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
    axes[0].imshow(image)
    plot_map(som, som.codebook_, ax=axes[1])
    plot_region_borders(som, ax=axes[1], color="white")
    means = np.array([X[som.labels_ == region].mean(axis=0) for region in range(5)])
    axes[2].imshow(means[som.labels_].reshape(image.shape))
    titles = ("as it is", "its colours on a map, five regions", "each pixel in its region's colour")
    for ax, title in zip(axes, titles, strict=True):
        ax.axis("off")
        ax.set_title(title, color=INK, fontsize="medium")
    save(figure, "som-image")


def cells(n, seed=0):
    """n cells by 10 markers, in eight populations, the rarest one in a thousand; as on the asinh scale."""
    rng = np.random.default_rng(seed)
    share = np.array([0.36, 0.24, 0.15, 0.1, 0.08, 0.05, 0.019, 0.001])
    kind = rng.choice(8, n, p=share)
    levels = rng.choice([0.3, 2.0, 4.0], size=(8, 10), p=[0.5, 0.25, 0.25])
    X = levels[kind] + rng.normal(0, 0.35, size=(n, 10)) + rng.exponential(0.25, size=(n, 10))
    return X.astype(np.float32), kind


def draw_cells():
    """1,000,000 cells by 10 markers on one map, their populations as regions."""
    X, kind = cells(1_000_000)
    start = time.perf_counter()
    som = SOM(20, 20, topology="hexagonal", max_iter=12, radius_end=0.7, n_clusters=8).fit(X)
    seconds = time.perf_counter() - start
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    plot_u_matrix(som, ax=axes[0], title="U-matrix")
    plot_hits(som, np.log1p(som.hits_) ** 2, ax=axes[1], title="cells of each node (logarithmic), 8 regions")
    plot_region_borders(som, ax=axes[1])
    labels, votes = som.label_map(X[::10], kind[::10])
    plot_label_map(som, labels, votes=votes, ax=axes[2], title="true population by vote")
    plot_region_borders(som, ax=axes[2])
    save(figure, "som-cells")
    print(
        f"  {seconds:.1f} s for {som.n_iter_} passes; regions against the truth: adjusted Rand index ", end=""
    )
    print(f"{adjusted_rand_score(kind, som.labels_):.3f}")
    rare = kind == 7
    (region,) = np.flatnonzero(np.bincount(som.labels_[rare]) == np.bincount(som.labels_[rare]).max())
    inside = som.labels_ == region
    print(
        f"  the rarest population, {rare.sum()} cells: {(inside & rare).sum()} in a region of {inside.sum()}"
    )


DRAWINGS = [draw_wine, draw_planes, draw_image, draw_cells]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[draw.__name__ for draw in DRAWINGS])
    chosen = parser.parse_args().only
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for draw in DRAWINGS:
        if not chosen or draw.__name__ in chosen:
            print(draw.__doc__)
            draw()


if __name__ == "__main__":
    main()
