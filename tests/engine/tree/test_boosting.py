"""The boosting loop: the reference loop's scores, and scores that always are those of the forest."""

import numpy as np
import pytest

from fastml._engine.runtime import interrupt
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.boosting import BoostingLoop, WatchedRows, _restore_order, margin_baseline
from fastml._engine.tree.dropout import Dropout
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.grow import Grower
from fastml._engine.tree.objective import make_objective
from fastml._engine.tree.predict import predict_raw
from fastml._engine.tree.sampling import GradientRows, RandomRows
from tests.reference.boosting import boost

RATE = 0.2


def _data(n_rows=300, n_classes=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 5))
    X[rng.random(X.shape) < 0.1] = np.nan
    score = (
        np.nan_to_num(X[:, 0]) * 2
        + np.where(np.isnan(X[:, 1]), 1.5, X[:, 1] > 0)
        - np.nan_to_num(X[:, 2]) ** 2
    )
    score += 0.3 * rng.standard_normal(n_rows)
    if n_classes is None:
        return X, score
    return X, np.searchsorted(np.quantile(score, np.arange(1, n_classes) / n_classes), score)


def _loop(
    X,
    y,
    loss="squared_error",
    n_classes=None,
    n_threads=1,
    weight=None,
    X_watched=None,
    margin=None,
    **options,
):
    """A loop and its mapper; what is not named goes to the grower."""
    objective = make_objective(loss, n_classes, quantile=0.7)
    y = objective.check_y(y)
    mapper = BinMapper(n_threads=n_threads).fit(X)
    binned = mapper.transform(X)
    own = {
        name: options.pop(name)
        for name in ("row_sampler", "dropout", "feature_fraction", "monotonic_cst")
        if name in options
    }
    sampler = own.get("row_sampler")
    constant = objective.constant_hessian and weight is None and not (sampler and sampler.reweights)
    if "monotonic_cst" in own:
        options["monotonic_cst"] = own["monotonic_cst"]
    grower = Grower(binned, n_threads=n_threads, constant_hessian=constant, **options)
    forest = Forest(objective.n_outputs, objective.baseline(y, weight))
    raw = np.repeat(forest.baseline[:, None], len(y), axis=1)
    watched = []
    if X_watched is not None:
        other = mapper.transform(X_watched)
        watched = [WatchedRows(other, np.repeat(forest.baseline[:, None], other.n_rows, axis=1))]
    loop = BoostingLoop(
        forest=forest,
        binned=binned,
        grower=grower,
        objective=objective,
        y=y,
        weight=weight,
        raw=raw,
        seed=3,
        grower_seed=4,
        n_threads=n_threads,
        constant_hessian=constant,
        watched=watched,
        **own,
    )
    return loop, mapper


@pytest.mark.parametrize(("loss", "n_classes"), [("squared_error", None), ("log_loss", 2), ("log_loss", 3)])
def test_reference_loop(loss, n_classes):
    X, y = _data(200, n_classes)
    limits = {"max_leaf_nodes": 4, "min_samples_leaf": 20, "min_sum_hessian": 1e-3}
    loop, mapper = _loop(X, y, loss, n_classes, l2=0.5, **limits)
    want = boost(mapper.codes(X), mapper.n_codes_, y, loss, loop.forest.baseline, 4, RATE, l2=0.5, **limits)
    for scores in want:
        loop.grow_round(RATE)
        # gradients have 15 bits; a leaf has 20 rows and more
        np.testing.assert_allclose(loop.raw, scores, atol=2e-5 * np.abs(scores).max())


VARIANTS = {
    "plain": {},
    "refit": {"loss": "absolute_error"},
    "weighted": {"weight": np.random.default_rng(1).random(300)},
    "subsample": {"row_sampler": RandomRows(300, 0.5, 1)},
    "goss": {"row_sampler": GradientRows(300, 0.2, 0.2, 1, 2)},
    "dart": {"dropout": Dropout(0.5, 0.1, None, 2)},
    "dart, few": {"dropout": Dropout(1.0, 0.0, 2, 2)},
    "dart, subsample": {"dropout": Dropout(0.5, 0.1, None, 2), "row_sampler": RandomRows(300, 0.5, 1)},
    "columns": {"feature_fraction": 0.4},
    "classes": {"loss": "log_loss", "n_classes": 4},
    "classes, dart, goss": {
        "loss": "log_loss",
        "n_classes": 4,
        "dropout": Dropout(0.5, 0.1, None, 2),
        "row_sampler": GradientRows(300, 0.2, 0.2, 1, 2),
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("n_threads", [1, 3])
def test_scores_are_the_forests(variant, n_threads):
    """Whatever is sampled, dropped or scaled, the scores of all rows are those of the forest."""
    options = VARIANTS[variant]
    X, y = _data(n_classes=options.get("n_classes"))
    X_watched, _ = _data(100, seed=1)
    loop, mapper = _loop(X, y, n_threads=n_threads, X_watched=X_watched, min_samples_leaf=5, **options)
    for n_rounds in range(1, 13):
        loop.grow_round(RATE)
        assert loop.n_rounds == n_rounds
        assert loop.forest.n_trees == n_rounds * loop.n_outputs
        scale = np.abs(loop.raw).max()
        np.testing.assert_allclose(loop.raw.T, predict_raw(loop.forest, mapper, X), atol=1e-12 * scale)
        np.testing.assert_allclose(
            loop.watched[0].raw.T, predict_raw(loop.forest, mapper, X_watched), atol=1e-12 * scale
        )


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_bits_on_any_number_of_threads(variant):
    options = VARIANTS[variant]
    X, y = _data(n_classes=options.get("n_classes"))
    forests = []
    for n_threads in (1, 2, 3, 7):
        loop, _ = _loop(X, y, n_threads=n_threads, min_samples_leaf=5, **options)
        for _ in range(6):
            loop.grow_round(RATE)
        forests.append(loop.forest.arrays())
    for other in forests[1:]:
        for name, array in forests[0].items():
            np.testing.assert_array_equal(array.view(np.uint8), other[name].view(np.uint8), err_msg=name)


def test_first_round_of_dart_is_plain():
    X, y = _data()
    plain, dart = _loop(X, y)[0], _loop(X, y, dropout=Dropout(1.0, 0.0, None, 0))[0]
    plain.grow_round(RATE)
    dart.grow_round(RATE)
    np.testing.assert_array_equal(plain.raw, dart.raw)
    dart.grow_round(RATE)
    # the second round was grown without the first: it is the first again, and both are scaled
    new, old = Dropout.factors(1, RATE)
    first, second = dart.forest.tree(0), dart.forest.tree(1)
    unscaled = plain.forest.tree(0)["value"] / RATE
    np.testing.assert_allclose(first["value"], unscaled * RATE * old)
    leaves = second["left"] < 0
    np.testing.assert_allclose(np.sort(second["value"][leaves]), np.sort(unscaled[leaves]) * new, rtol=1e-3)


def test_a_tree_without_split_moves_nothing():
    X, y = _data(30)
    loop, _ = _loop(X, y, min_samples_leaf=20)
    before = loop.raw.copy()
    loop.grow_round(RATE)
    np.testing.assert_array_equal(loop.raw, before)
    assert loop.forest.n_nodes == 1 and loop.forest.tree(0)["value"][0] == 0


@pytest.mark.parametrize("where", [0, 1, 2, 7])
def test_a_failed_round_leaves_whole_rounds(monkeypatch, where):
    """An exception at any point of a round: the forest predicts what it did before."""
    X, y = _data(n_classes=3)
    loop, mapper = _loop(
        X, y, "log_loss", 3, dropout=Dropout(1.0, 0.0, None, 0), X_watched=X, min_samples_leaf=5
    )
    for _ in range(3):
        loop.grow_round(RATE)
    before = predict_raw(loop.forest, mapper, X)
    calls = iter(range(100))
    scale = loop.forest.scale

    def stop(*args):
        if next(calls) == where:
            raise KeyboardInterrupt
        scale(*args)
        if next(calls) == where:
            raise KeyboardInterrupt

    if where == 0:
        monkeypatch.setattr(interrupt, "check", stop)
    else:
        monkeypatch.setattr(loop.forest, "scale", stop)
    with pytest.raises(KeyboardInterrupt):
        loop.grow_round(RATE)
    assert loop.forest.n_trees == 9
    np.testing.assert_array_equal(predict_raw(loop.forest, mapper, X), before)


def test_watched_rows_of_the_training_matrix_follow_it():
    X, y = _data()
    loop, _ = _loop(X, y, X_watched=X)
    for _ in range(5):
        loop.grow_round(RATE)
    np.testing.assert_array_equal(loop.raw, loop.watched[0].raw)


@pytest.mark.parametrize("loss", ["absolute_error", "quantile", "huber"])
@pytest.mark.parametrize("direction", [1, -1])
def test_refitted_leaves_stay_monotonic(loss, direction):
    rng = np.random.default_rng(5)
    X = rng.random((400, 2))
    y = direction * (X[:, 0] + 0.3 * np.sin(25 * X[:, 0])) + 0.2 * rng.standard_normal(400)
    cst = np.array([direction, 0], dtype=np.int8)
    loop, mapper = _loop(X, y, loss, min_samples_leaf=3, monotonic_cst=cst)
    grid = np.column_stack([np.linspace(0, 1, 200), np.full(200, 0.5)])
    for _ in range(30):
        loop.grow_round(0.5)
    for second in (0.1, 0.5, 0.9):
        grid[:, 1] = second
        assert np.all(np.diff(direction * predict_raw(loop.forest, mapper, grid)[:, 0]) >= 0)


def test_restore_order_keeps_lawful_values():
    tree = {
        "left": np.array([1, -1, -1]),
        "right": np.array([2, -1, -1]),
        "feature": np.array([0, -1, -1]),
        "count": np.array([4, 1, 3]),
        "value": np.array([0.0, -1.0, 2.0]),
    }
    _restore_order(tree, np.array([1]))
    np.testing.assert_array_equal(tree["value"], [1.25, -1.0, 2.0])
    _restore_order(tree, np.array([-1]))  # must fall: both sides meet in the middle
    np.testing.assert_array_equal(tree["value"][1:], [0.5, 0.5])


@pytest.mark.parametrize(
    ("loss", "n_classes"),
    [
        ("squared_error", None),
        ("absolute_error", None),
        ("quantile", None),
        ("poisson", None),
        ("gamma", None),
        ("tweedie", None),
        ("log_loss", 2),
        ("log_loss", 3),
    ],
)
def test_margin_baseline_minimises_the_loss(loss, n_classes):
    rng = np.random.default_rng(6)
    n_rows = 500
    y = rng.gamma(2.0, 30.0, n_rows) if n_classes is None else rng.integers(0, n_classes, n_rows)
    objective = make_objective(loss, n_classes, quantile=0.7)
    y = objective.check_y(y)
    weight = rng.random(n_rows)
    margin = 3 * rng.standard_normal((objective.n_outputs, n_rows))
    best = margin_baseline(objective, y, weight, margin, n_threads=1)
    loss_at = objective.loss(y, margin + best[:, None], weight)
    for step in (1e-2, -1e-2):
        for k in range(objective.n_outputs):
            moved = best.copy()
            moved[k] += step
            assert objective.loss(y, margin + moved[:, None], weight) >= loss_at * (1 - 1e-12)


def test_margin_baseline_without_margin_is_the_baseline():
    for loss, y in (("poisson", np.array([0.0, 3.0, 1.0])), ("log_loss", np.array([0, 1, 1]))):
        objective = make_objective(loss, None if loss == "poisson" else 2)
        y = objective.check_y(y)
        got = margin_baseline(objective, y, None, np.zeros((1, 3)), n_threads=1)
        np.testing.assert_allclose(got, objective.baseline(y), rtol=1e-6)
