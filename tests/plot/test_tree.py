"""plot_tree: every node has its box, no two boxes overlap, no text leaves its box."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import FancyBboxPatch

from fastml._engine.tree.forest import Forest
from fastml.plot import plot_tree

NAMES = ["age", "city", "a_very_long_name_of_a_feature_that_must_be_wrapped", "$x_1$"]


def random_tree(n_leaves, seed):
    """A tree of random shape; feature 1 is categorical."""
    rng = np.random.default_rng(seed)
    left, right, count, leaves = [-1], [-1], [10_000], [0]
    while len(leaves) < n_leaves:
        leaf = leaves.pop(rng.integers(len(leaves)))
        at = len(left)
        left[leaf], right[leaf] = at, at + 1
        share = max(1, int(count[leaf] * rng.uniform(0.1, 0.9)))
        left += [-1, -1]
        right += [-1, -1]
        count += [share, count[leaf] - share]
        leaves += [at, at + 1]
    n = len(left)
    inner = np.array(left) >= 0
    feature = np.where(inner, rng.integers(0, 4, n), -1)
    categorical = feature == 1
    return {
        "left": left,
        "right": right,
        "feature": feature,
        "code": np.where(inner & ~categorical, 5, 0),
        "threshold": np.where(inner & ~categorical, rng.normal(size=n), np.nan),
        "missing_left": rng.integers(0, 2, n) * inner,
        "category_set": np.where(categorical, np.cumsum(categorical) - 1, -1),
        "value": rng.normal(size=n),
        "gain": np.where(inner, rng.exponential(100, n), 0.0),
        "count": count,
        "weight": np.array(count, dtype=float),
        "category_sets": rng.integers(0, 256, (categorical.sum(), 32)),
    }


def forest_of(*trees, n_outputs=1):
    forest = Forest(n_outputs)
    for i, tree in enumerate(trees):
        forest.append(tree, i % n_outputs)
    return forest


def drawn(ax):
    """Rectangles of the boxes and of their texts in pixels."""
    ax.figure.canvas.draw()
    boxes = [patch.get_window_extent() for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    texts = [text.get_window_extent() for text in ax.texts if text.get_text() != "missing"]
    return boxes, texts


@pytest.mark.parametrize(("n_leaves", "seed"), [(1, 0), (2, 0), (8, 1), (31, 2), (31, 3), (80, 4)])
def test_boxes_do_not_overlap_and_hold_their_text(n_leaves, seed):
    ax = plot_tree(forest_of(random_tree(n_leaves, seed)), feature_names=NAMES)
    boxes, texts = drawn(ax)
    assert len(boxes) == len(texts) == 2 * n_leaves - 1
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a.x1 < b.x0 or b.x1 < a.x0 or a.y1 < b.y0 or b.y1 < a.y0
    frame = ax.figure.bbox
    for box, text in zip(boxes, texts, strict=True):
        assert box.x0 < text.x0
        assert text.x1 < box.x1
        assert box.y0 < text.y0
        assert text.y1 < box.y1
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1
        assert frame.y0 <= box.y0
        assert box.y1 <= frame.y1


def test_given_axes_are_used_and_the_text_still_fits():
    _, (ax, other) = plt.subplots(1, 2, figsize=(12, 6))
    assert plot_tree(forest_of(random_tree(12, 5)), feature_names=NAMES, ax=ax) is ax
    assert not other.patches
    boxes, texts = drawn(ax)
    for box, text in zip(boxes, texts, strict=True):
        assert box.x0 < text.x0
        assert text.x1 < box.x1


def test_max_depth_sums_up_the_rest():
    tree = random_tree(31, 2)
    ax = plot_tree(forest_of(tree), max_depth=1)
    words = [text.get_text() for text in ax.texts if text.get_text() != "missing"]
    assert len(words) == 3
    below = sum(int(word.split()[0]) if "leaves" in word else 1 for word in words[1:])
    assert below == 31


def test_missing_is_written_at_one_line_of_each_split():
    forest = forest_of(random_tree(8, 1))
    assert sum(text.get_text() == "missing" for text in plot_tree(forest).texts) == 7
    assert not any(text.get_text() == "missing" for text in plot_tree(forest, show_missing=False).texts)


def test_tree_of_several_outputs_is_named():
    forest = forest_of(random_tree(3, 0), random_tree(5, 1), n_outputs=2)
    assert plot_tree(forest, 1).get_title() == "tree 1, output 1"


def test_wrong_arguments_are_refused():
    forest = forest_of(random_tree(3, 0))
    with pytest.raises(IndexError, match="tree_index"):
        plot_tree(forest, 1)
    for wrong in ("0", 0.0, None):
        with pytest.raises(TypeError, match="tree_index must be an integer"):
            plot_tree(forest, wrong)
    with pytest.raises(ValueError, match="max_depth"):
        plot_tree(forest, max_depth=-1)
    with pytest.raises(TypeError, match="fitted tree model"):
        plot_tree(object())
