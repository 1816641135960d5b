"""Mean losses against float64 formulas."""

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.gradient import LOSSES
from fastml._engine.tree.loss import mean_loss
from tests.reference import gradient as reference

PARAM = {"huber": 0.7, "quantile": 0.3, "tweedie": 1.4, "focal_binary": 2.0, "focal_multinomial": 2.0}
NAMES = sorted(set(LOSSES) - {"given"})


def data(loss, n, seed=0, spread=2.0):
    rng = np.random.default_rng(seed)
    weight = rng.random(n) * (rng.random(n) > 0.1)
    if loss.endswith("_multinomial"):
        return rng.integers(0, 5, n).astype(np.int32), rng.normal(scale=spread, size=(5, n)), weight
    raw = rng.normal(scale=spread, size=(1, n))
    if loss.endswith("_binary"):
        return rng.integers(0, 2, n).astype(np.uint8), raw, weight
    return rng.gamma(1.5, size=n) + 1e-3, raw, weight


@pytest.mark.parametrize("n", [1, 63, 255, 257, 4097, 9000])
@pytest.mark.parametrize("loss", NAMES)
def test_mean_loss_is_the_formula(loss, n, isa):
    y, raw, weight = data(loss, n)
    weight[0] = 1.0
    scores = raw if loss.endswith("_multinomial") else raw[0]
    for w in (None, weight):
        expected = np.average(reference.losses(loss, y, scores, PARAM.get(loss)), weights=w)
        assert mean_loss(loss, y, raw, w, param=PARAM.get(loss, 0.0)) == pytest.approx(
            expected, rel=1e-11, abs=1e-14
        )


@pytest.mark.parametrize("loss", NAMES)
def test_same_bits_for_every_instruction_set_and_number_of_threads(loss):
    y, raw, weight = data(loss, 12 * 4096 + 77, spread=6.0)
    before, seen = kernels.selected(), set()
    try:
        for name in kernels.available():
            kernels.select(name)
            for n_threads in (1, 2, 3, 7):
                seen.add(mean_loss(loss, y, raw, weight, param=PARAM.get(loss, 0.0), n_threads=n_threads))
    finally:
        kernels.select(before)
    assert len(seen) == 1


@pytest.mark.parametrize("loss", ["log_binary", "log_multinomial", "focal_binary", "focal_multinomial"])
@pytest.mark.parametrize("gap", [1e-9, 1e-4, 1.0, 30.0, 600.0, 1e4, 1e300])
def test_confident_rows(loss, gap, isa):
    """Rows far on the right side cost about exp(-gap), rows far on the wrong side about gap."""
    gamma = 1.0
    raw = np.array([[gap]]) if loss.endswith("_binary") else np.array([[0.0], [gap]])
    for right in (0, 1):
        y = np.array([right], np.uint8 if loss.endswith("_binary") else np.int32)
        log_loss = np.logaddexp(0, -gap if right else gap)
        expected = log_loss if loss.startswith("log") else -np.expm1(-log_loss) * log_loss
        assert mean_loss(loss, y, raw, param=gamma) == pytest.approx(expected, rel=1e-9, abs=3e-16)


@pytest.mark.parametrize("loss", NAMES)
def test_rows_without_weight_count_for_nothing(loss):
    y, raw, _ = data(loss, 1000)
    weight = np.ones(1000)
    weight[500:] = 0.0
    raw[0, 500:] = 1e4  # whose loss may be beyond counting
    expected = mean_loss(loss, y[:500], np.ascontiguousarray(raw[:, :500]), param=PARAM.get(loss, 0.0))
    found = mean_loss(loss, y, raw, weight, param=PARAM.get(loss, 0.0))
    assert found == pytest.approx(expected, rel=1e-14)


def test_huge_weights():
    y, raw, weight = data("poisson", 1000)
    expected = mean_loss("poisson", y, raw, weight)
    assert mean_loss("poisson", y, raw, weight * 1.7e308) == pytest.approx(expected, rel=1e-14)


def test_bad_arguments():
    y, raw = np.ones(10), np.ones((1, 10))
    with pytest.raises(ValueError, match="sums to zero"):
        mean_loss("poisson", y, raw, np.zeros(10))
    with pytest.raises(ValueError, match="unknown loss"):
        mean_loss("given", y, raw)
    with pytest.raises(ValueError, match="10 elements"):
        mean_loss("poisson", y[:9], raw)
    with pytest.raises(ValueError, match="10 elements"):
        mean_loss("poisson", y, raw, y[:9])
    with pytest.raises(ValueError, match="no rows"):
        mean_loss("poisson", y[:0], raw[:, :0])
    with pytest.raises(ValueError, match="classes from 0 to 0"):
        mean_loss("log_multinomial", np.ones(10, np.int32), raw)
