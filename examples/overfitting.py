"""Draw how trees and their ensembles over-fit, and what helps: the pictures of docs/ensembles.md.

Run it with ``python examples/overfitting.py``; the pictures go to docs/pictures, and what they show is
printed. The data sets come with scikit-learn. Every point is a mean over REPEATS random splits into
training and validation rows; a band shows two standard errors of it.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # draw without a screen; must come before pyplot

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import ShuffleSplit, learning_curve, validation_curve

from fastml.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
)
from fastml.plot.axes import GREY, INK, LINES, strip_frame
from fastml.tree import DecisionTreeClassifier, DecisionTreeRegressor

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "pictures"
REPEATS = 20


def panels(n, title, ylabel):
    """A figure with panels side by side that share their vertical axis."""
    figure, axes = plt.subplots(
        1, n, figsize=(3.3 * n, 3.2), sharey=True, squeeze=False, layout="constrained"
    )
    figure.suptitle(title, color=INK, fontsize=11)
    axes[0, 0].set_ylabel(ylabel, color=INK)
    for ax in axes[0]:
        strip_frame(ax)
        ax.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    return figure, axes[0]


def band(ax, x, values, color, label, **style):
    """A line of means over the last axis, and two standard errors around it."""
    mean = values.mean(axis=-1)
    error = 2 * values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])
    ax.plot(x, mean, color=color, label=label, linewidth=1.6, **style)
    ax.fill_between(x, mean - error, mean + error, color=color, alpha=0.18, linewidth=0)
    return mean


def splits():
    return ShuffleSplit(REPEATS, test_size=0.3, random_state=0)


def save(figure, name):
    path = OUTPUT / f"{name}.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    print(f"  {path.name}")


def draw_tree():
    """One regression tree: what each limit does."""
    X, y = load_diabetes(return_X_y=True)
    figure, axes = panels(3, "One regression tree on the diabetes data", "root mean squared error")
    limits = {
        "max_depth": [1, 2, 3, 4, 5, 6, 8, 10, 14],
        "min_samples_leaf": [1, 2, 4, 8, 16, 32, 64, 128],
        "ccp_alpha": [0.1, 1, 3, 10, 30, 100, 300, 1000],
    }
    for ax, (name, values) in zip(axes, limits.items(), strict=True):
        train, valid = validation_curve(
            DecisionTreeRegressor(random_state=0, n_jobs=1), X, y, param_name=name, param_range=values,
            cv=splits(), scoring="neg_root_mean_squared_error",
        )  # fmt: skip
        band(ax, values, -train, LINES[0], "training rows", linestyle="--")
        mean = band(ax, values, -valid, LINES[1], "validation rows")
        ax.axvline(values[int(mean.argmin())], color=GREY, linewidth=0.8, linestyle=":")
        ax.set_xlabel(name, color=INK)
        if name == "max_depth":
            ax.set_xticks(range(2, 15, 2))
        else:
            ax.set_xscale("log")
        print(f"  one tree, {name}: best {values[int(mean.argmin())]}, error {mean.min():.1f}")
    axes[0].legend(frameon=False, fontsize=8)
    save(figure, "one-tree")


def draw_forest():
    """Forests: more trees never hurt, and the out-of-bag error needs no validation rows."""
    X, y = load_digits(return_X_y=True)
    figure, axes = panels(2, "Forests on the digits data", "share of errors")
    n_trees = np.arange(1, 101)
    oob, valid, extra = [], [], []
    for seed, (train, test) in enumerate(splits().split(X)):
        forest = RandomForestClassifier(random_state=seed).fit(X[train], y[train])
        oob.append(1 - forest.oob_curve(X[train], y[train]))
        valid.append(errors_by_trees(forest, X[test], y[test]))
        other = ExtraTreesClassifier(random_state=seed).fit(X[train], y[train])
        extra.append(errors_by_trees(other, X[test], y[test]))
    band(axes[0], n_trees, np.stack(valid, axis=1), LINES[1], "random forest, validation rows")
    band(axes[0], n_trees, np.stack(oob, axis=1), LINES[0], "random forest, out of bag", linestyle="--")
    mean = band(axes[0], n_trees, np.stack(extra, axis=1), LINES[2], "extra trees, validation rows")
    axes[0].set_xlabel("trees", color=INK)
    axes[0].set_ylim(0, 0.3)
    print(f"  extra trees: {mean[9]:.3f} errors with 10 trees, {mean[-1]:.3f} with 100")
    values = [1, 2, 4, 8, 16, 32, 64]
    for color, samples in ((LINES[1], None), (LINES[3], 0.2)):
        _, scores = validation_curve(
            RandomForestClassifier(50, max_samples=samples, random_state=0), X, y,
            param_name="max_features", param_range=values, cv=splits(),
        )  # fmt: skip
        drawn = "as many rows as there are" if samples is None else f"{samples:.0%} of the rows"
        band(axes[1], values, 1 - scores, color, f"each tree draws {drawn}")
    axes[1].set_xscale("log", base=2)
    axes[1].set_xticks(values, map(str, values))
    axes[1].set_xlabel("max_features", color=INK)
    for ax in axes:
        ax.legend(frameon=False, fontsize=8)
    save(figure, "forests")


def errors_by_trees(forest, X, y):
    """Share of errors of the forest's first tree, first two trees, and so on."""
    votes = np.cumsum([tree.predict_proba(X) for tree in forest.estimators_], axis=0)
    return np.array([(forest.classes_[shares.argmax(axis=1)] != y).mean() for shares in votes])


def draw_boosting():
    """Gradient boosting over-fits with the rounds: small steps, sampling, and stopping in time."""
    X, y = load_diabetes(return_X_y=True)
    ways = {
        "learning_rate=0.3": {"learning_rate": 0.3},
        "learning_rate=0.05": {"learning_rate": 0.05},
        "0.05, subsample=0.5, 7 leaves": {"learning_rate": 0.05, "subsample": 0.5, "max_leaf_nodes": 7},
    }
    figure, axes = panels(3, "Gradient boosting on the diabetes data", "root mean squared error")
    rounds = np.arange(1, 151)
    for ax, (title, options) in zip(axes, ways.items(), strict=True):
        curves = []
        for seed, (train, test) in enumerate(splits().split(X)):
            model = GradientBoostingRegressor(
                max_iter=rounds.size, early_stopping=False, random_state=seed, n_jobs=1, **options
            ).fit(X[train], y[train])
            curves.append(
                [
                    [
                        np.sqrt(np.mean((predicted - y[rows]) ** 2))
                        for predicted in model.staged_predict(X[rows])
                    ]
                    for rows in (train, test)
                ]
            )
        curves = np.moveaxis(np.array(curves), 0, -1)
        band(ax, rounds, curves[0], LINES[0], "training rows", linestyle="--")
        mean = band(ax, rounds, curves[1], LINES[1], "validation rows")
        best = int(mean.argmin())
        ax.axvline(rounds[best], color=GREY, linewidth=0.8, linestyle=":")
        ax.set_title(title, fontsize=9, color=INK)
        ax.set_xlabel("rounds", color=INK)
        print(f"  {title}: best {mean[best]:.1f} after {rounds[best]} rounds, {mean[-1]:.1f} at the end")
    axes[0].legend(frameon=False, fontsize=8)
    save(figure, "gradient-boosting")


def draw_adaboost():
    """AdaBoost: stumps are slow to over-fit; wrong labels are what hurts."""
    X, y = load_breast_cancer(return_X_y=True)
    figure, axes = panels(2, "AdaBoost on the breast cancer data", "share of errors")
    rounds = np.arange(1, 201)
    for ax, noise in zip(axes, (0.0, 0.2), strict=True):
        for color, depth in ((LINES[0], 1), (LINES[1], 3)):
            curves = []
            for seed, (train, test) in enumerate(splits().split(X)):
                labels = y[train] ^ (np.random.default_rng(seed).random(train.size) < noise)
                model = AdaBoostClassifier(
                    DecisionTreeClassifier(max_depth=depth),
                    n_estimators=rounds.size,
                    random_state=seed,
                    n_jobs=1,
                ).fit(X[train], labels)
                scores = list(model.staged_score(X[test], y[test]))
                # a perfect member ends the rounds: nothing changes after that
                curves.append(1 - np.array(scores + scores[-1:] * (rounds.size - len(scores))))
            mean = band(ax, rounds, np.stack(curves, axis=1), color, f"trees of depth {depth}")
            told = ", ".join(f"{mean[n - 1]:.3f} after {n} rounds" for n in (10, 50, 200))
            print(f"  AdaBoost, {noise:.0%} wrong labels, depth {depth}: {told}")
        ax.set_title("labels as they are" if noise == 0 else "a fifth of the training labels wrong",
                     fontsize=9, color=INK)  # fmt: skip
        ax.set_xlabel("rounds", color=INK)
    axes[0].legend(frameon=False, fontsize=8)
    save(figure, "adaboost")


def draw_rows():
    """Which ensemble with how many rows."""
    X, y = load_digits(return_X_y=True)
    models = {
        "one tree": DecisionTreeClassifier(random_state=0),
        "AdaBoost, depth 4": AdaBoostClassifier(
            DecisionTreeClassifier(max_depth=4), n_estimators=100, random_state=0
        ),
        "gradient boosting": GradientBoostingClassifier(random_state=0, max_iter=60, min_samples_leaf=5),
        "random forest": RandomForestClassifier(random_state=0),
        "extra trees": ExtraTreesClassifier(random_state=0),
    }
    figure, (ax,) = panels(1, "Learning curves on the digits data", "share of errors")
    figure.set_size_inches(5.6, 3.6)
    for color, (name, model) in zip([GREY, *LINES], models.items(), strict=False):
        sizes, _, scores = learning_curve(
            model,
            X,
            y,
            train_sizes=[60, 120, 250, 500, 1000, 1250],
            cv=ShuffleSplit(8, test_size=0.3, random_state=0),
        )
        mean = band(ax, sizes, 1 - scores, color, name)
        print(f"  {name}: {mean[0]:.3f} errors from {sizes[0]} rows, {mean[-1]:.3f} from {sizes[-1]}")
    ax.set_xscale("log")
    ax.set_xlabel("training rows", color=INK)
    ax.legend(frameon=False, fontsize=8)
    save(figure, "training-rows")


DRAWINGS = [draw_tree, draw_forest, draw_boosting, draw_adaboost, draw_rows]


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
