"""Gradient kernels against textbook formulas, and their fixed-point form against Python's integers."""

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from fastml._engine.runtime import kernels
from fastml._engine.tree.gradient import LOSSES, fill_gradients, focal_factors, log_sum_exp, pack, stats
from tests.reference import gradient as reference

ISAS = kernels.available()
PARAM = {"huber": 0.7, "quantile": 0.3, "tweedie": 1.4, "focal_binary": 2.0, "focal_multinomial": 2.0}
SCALAR = ["squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie"]
BINARY = ["log_binary", "focal_binary"]
MULTINOMIAL = ["log_multinomial", "focal_multinomial"]
N_CLASSES = 5


def data(loss, n, seed=0, spread=2.0):
    """y, scores of shape (n_outputs, n) and weights for a loss."""
    rng = np.random.default_rng(seed)
    weight = rng.random(n) * (rng.random(n) > 0.1)
    if loss in MULTINOMIAL:
        y = rng.integers(0, N_CLASSES, n).astype(np.int32)
        return y, rng.normal(scale=spread, size=(N_CLASSES, n)), weight
    raw = rng.normal(scale=spread, size=(1, n))
    if loss in BINARY:
        return rng.integers(0, 2, n).astype(np.uint8), raw, weight
    return rng.gamma(1.5, size=n) + 1e-3, raw, weight


def run(loss, y, raw, weight=None, k=0, n_threads=1, want_h=True, param=None):
    n = raw.shape[1]
    param = PARAM.get(loss, 0.0) if param is None else param
    g, h = np.full(n, np.nan, np.float32), np.full(n, np.nan, np.float32) if want_h else None
    lse = focal = None
    if loss in MULTINOMIAL:
        lse = np.empty(n)
        log_sum_exp(raw, lse, n_threads=n_threads)
    if loss == "focal_multinomial":
        focal = np.empty((3, n), np.float32)
        focal_factors(raw, y, lse, param, focal, n_threads=n_threads)
    found = fill_gradients(
        loss, y, raw[k], weight, g, h, param=param, output=k, lse=lse, focal=focal, n_threads=n_threads
    )
    return g, h, found


def outputs(loss):
    return range(N_CLASSES) if loss in MULTINOMIAL else [0]


@pytest.mark.parametrize("loss", [*SCALAR, "log_binary", "log_multinomial"])
def test_gradients_are_the_formulas(loss, isa):
    y, raw, weight = data(loss, 4099)
    for k in outputs(loss):
        scores, of_class = (raw, k) if loss in MULTINOMIAL else (raw[0], None)
        g_ref, h_ref = reference.gradients(loss, y, scores, PARAM.get(loss), of_class)
        for w in (None, weight):
            g, h, _ = run(loss, y, raw, w, k)
            factor = 1.0 if w is None else w
            # g may be a small difference of terms as large as the hessian or 1
            size = np.maximum(np.maximum(np.abs(h_ref), np.abs(g_ref)), 1.0)
            np.testing.assert_array_less(np.abs(g - g_ref * factor), 3e-7 * size * factor + 1e-30)
            # p (1 - p) of a multinomial p near 1 has p's absolute accuracy
            atol = 1e-7 if loss == "log_multinomial" else 0.0
            np.testing.assert_allclose(h, h_ref * factor, rtol=5e-7, atol=atol)


@pytest.mark.parametrize("loss", BINARY)
def test_binary_gradients_keep_their_relative_accuracy(loss, isa):
    raw = np.linspace(-60, 60, 2001)[None]
    for label in (0, 1):
        y = np.full(2001, label, dtype=np.uint8)
        g, h, _ = run(loss, y, raw, param=0.0)
        wrong = 1 / (1 + np.exp(raw[0] if label else -raw[0]))
        np.testing.assert_allclose(
            g, wrong if label == 0 else -wrong, rtol=5e-6 if loss == "focal_binary" else 4e-7
        )
        right = 1 / (1 + np.exp(-raw[0] if label else raw[0]))
        np.testing.assert_allclose(h, wrong * right, rtol=1e-5 if loss == "focal_binary" else 6e-7)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("loss", ["focal_binary", "focal_multinomial"])
def test_focal_gradients_are_the_slopes_of_the_loss(loss, gamma):
    y, raw, _ = data(loss, 3000)
    for k in outputs(loss):
        scores, of_class = (raw, k) if loss in MULTINOMIAL else (raw[0], None)
        g_ref, h_ref = reference.central_differences(loss, y, scores, gamma, of_class)
        g, h, _ = run(loss, y, raw, k=k, param=gamma)
        np.testing.assert_allclose(g, g_ref, rtol=1e-4, atol=1e-6)
        assert (h > 0).all()
        # where the true second derivative is well above zero it is what comes out
        clear = h_ref > 0.25 * np.abs(g_ref)
        assert clear.sum() > 100
        np.testing.assert_allclose(h[clear], h_ref[clear], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("loss", [*SCALAR[:-1], "log_binary", "log_multinomial"])
def test_reference_gradients_are_the_slopes_of_the_loss(loss):
    y, raw, _ = data(loss, 1000, spread=1.0)
    for k in outputs(loss):
        scores, of_class = (raw, k) if loss in MULTINOMIAL else (raw[0], None)
        param = PARAM.get(loss)
        g_ref, h_ref = reference.gradients(loss, y, scores, param, of_class)
        g, h = reference.central_differences(loss, y, scores, param, of_class)
        smooth = np.abs(y - raw[0]) > 0.01 if loss in ("absolute_error", "quantile", "huber") else slice(None)
        np.testing.assert_allclose(g[smooth], g_ref[smooth], rtol=1e-5, atol=1e-6)
        if loss not in ("absolute_error", "quantile", "huber"):
            np.testing.assert_allclose(h, h_ref, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_focal_loss_of_two_classes_is_the_same_in_both_forms(gamma):
    rng = np.random.default_rng(0)
    y, raw = rng.integers(0, 2, 500), rng.normal(scale=3, size=(2, 500))
    g, h, _ = run("focal_multinomial", y.astype(np.int32), raw, k=1, param=gamma)
    g2, h2, _ = run("focal_binary", y.astype(np.uint8), raw[1:] - raw[:1], param=gamma)
    np.testing.assert_allclose(g, g2, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(h, h2, rtol=1e-3, atol=1e-6)


def test_focal_without_focus_is_log_loss():
    for focal, log in zip(
        ["focal_binary", "focal_multinomial"], ["log_binary", "log_multinomial"], strict=True
    ):
        y, raw, _ = data(log, 2000)
        for k in outputs(log):
            g, h, _ = run(focal, y, raw, k=k, param=0.0)
            g2, h2, _ = run(log, y, raw, k=k)
            np.testing.assert_allclose(g, g2, rtol=1e-5, atol=3e-7)
            np.testing.assert_allclose(h, h2, rtol=1e-4, atol=3e-7)


@pytest.mark.parametrize("loss", sorted(set(LOSSES) - {"given"}))
def test_extreme_scores_saturate(loss, isa):
    edge = np.array([0.0, -0.0, 87.3, 88.0, 89.0, 709.0, 710.0, 800.0, 1e4, 1e10, 1e300, 1e-300, 5e-324])
    both = np.concatenate([edge, -edge])
    if loss in MULTINOMIAL:
        raw = np.ascontiguousarray(np.stack(np.meshgrid(both, both, both)).reshape(3, -1))
        y = (np.arange(raw.shape[1]) % 3).astype(np.int32)
    else:
        raw = both[None]
        y = np.ones(both.size, np.uint8) if loss in BINARY else np.linspace(0, 5, both.size) + 1e-300
    for weight in (None, np.full(raw.shape[1], 1e30)):
        g, h, found = run(loss, y, raw, weight)
        assert np.isfinite(g).all() and np.isfinite(h).all() and np.isfinite(found).all()
        assert (h >= 0).all()
        if weight is None and loss in BINARY:
            far = np.abs(raw[0]) > 100
            np.testing.assert_allclose(g[far], np.where(raw[0][far] < 0, -1, 0), atol=1e-30)
        if weight is None and loss in MULTINOMIAL:
            far = (np.abs(raw).max(axis=0) > 700) & (np.abs(raw).max(axis=0) <= 1e4)
            p = softmax(raw, axis=0)[0]
            assert (np.abs(g) <= np.abs(p - (y == 0)) * (1 if "log" in loss else 3) + 1e-6)[far].all()


def test_exp_is_accurate_to_1e_7(isa):
    rng = np.random.default_rng(0)
    raw = np.concatenate([np.linspace(-85, 85, 100_000), rng.normal(size=100_000), [0.0, -1e-12, 1e-12]])[
        None
    ]
    _, h, _ = run("poisson", np.zeros(raw.shape[1]), raw)
    assert np.max(np.abs(h / np.exp(raw[0]) - 1)) <= 1e-7
    assert h[-3] == 1.0


def test_log_sum_exp(isa):
    rng = np.random.default_rng(0)
    for n_classes in (1, 2, 23):
        raw = rng.normal(scale=30, size=(n_classes, 1001))
        raw[:, 0] = 1e6
        raw[:, 1] = -1e6
        out = np.empty(1001)
        log_sum_exp(raw, out)
        np.testing.assert_allclose(out, logsumexp(raw, axis=0), rtol=1e-15, atol=2e-7)


def test_constant_hessian_is_not_written():
    y, raw, _ = data("squared_error", 5000)
    g, h, found = run("squared_error", y, raw, want_h=False)
    g2, h2, found2 = run("squared_error", y, raw)
    assert h is None
    np.testing.assert_array_equal(g, g2)
    np.testing.assert_array_equal(h2, np.float32(1))
    assert found == found2 == (np.abs(g).max(), 1.0, 1.0, found[3], 5000.0)


def test_given_gradients_are_copied_and_weighted():
    rng = np.random.default_rng(0)
    gradient, hessian, weight = rng.normal(size=100), rng.random(100), rng.random(100)
    g, h = np.empty(100, np.float32), np.empty(100, np.float32)
    fill_gradients("given", hessian, gradient, weight, g, h)
    np.testing.assert_array_equal(g, (gradient * weight).astype(np.float32))
    np.testing.assert_array_equal(h, (hessian * weight).astype(np.float32))
    hessian[7] = -1.0
    with pytest.raises(ValueError, match="hessian of the loss is negative"):
        fill_gradients("given", hessian, gradient, weight, g, h)


def test_same_bits_for_every_instruction_set_and_number_of_threads():
    before = kernels.selected()
    try:
        for loss in sorted(set(LOSSES) - {"given"}):
            y, raw, weight = data(loss, 12 * 4096 + 77, spread=6.0)
            seen = set()
            for name in ISAS:
                kernels.select(name)
                for n_threads in (1, 2, 3, 7):
                    g, h, found = run(loss, y, raw, weight, n_threads=n_threads)
                    gh, packed = pack(g, h, seed=3, n_threads=n_threads)
                    rows = np.arange(0, g.size, 3, dtype=np.uint32)
                    some, some_packed = pack(g, h, rows, seed=3, n_threads=n_threads)
                    seen.add(
                        (g.tobytes(), h.tobytes(), found, gh.tobytes(), tuple(packed.values()))
                        + (some.tobytes(), tuple(some_packed.values()))
                        + tuple(stats(g, h, rows, n_threads=n_threads).values())
                    )
            assert len(seen) == 1, loss
    finally:
        kernels.select(before)


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 4095, 4096, 4097, 9000])
def test_stats_are_the_reference_sums(n, isa):
    rng = np.random.default_rng(n)
    g = rng.normal(size=n).astype(np.float32)
    h = (rng.random(n) * (rng.random(n) > 0.2)).astype(np.float32)
    found = stats(g, h)
    assert found["max_abs_g"] == np.abs(g).max(initial=0)
    assert found["max_h"] == h.max(initial=0)
    assert found["min_h"] == h[h > 0].min(initial=np.inf) if (h > 0).any() else found["min_h"] == 0
    assert found["sum_abs_g"] == reference.sums(np.abs(g).astype(np.float64))
    assert found["sum_h"] == reference.sums(h.astype(np.float64))
    assert stats(g)["sum_h"] == n
    rows = np.flatnonzero(rng.random(n) < 0.4).astype(np.uint32)
    assert stats(g, h, rows) == stats(g[rows], h[rows])


def test_gradients_return_the_same_stats():
    y, raw, weight = data("poisson", 10_000)
    g, h, found = run("poisson", y, raw, weight)
    assert found == tuple(stats(g, h).values())


@pytest.mark.parametrize("n", [0, 1, 511, 512, 513, 4096, 5000])
@pytest.mark.parametrize("constant", [False, True])
def test_pack_is_the_reference(n, constant, isa):
    rng = np.random.default_rng(n)
    g = (rng.normal(size=n) * 10.0 ** rng.integers(-6, 1, n)).astype(np.float32)
    h = None if constant else (rng.random(n) * (rng.random(n) > 0.2)).astype(np.float32)
    rows = np.flatnonzero(rng.random(n) < 0.5).astype(np.uint32)
    for listed in (None, rows):
        for seed in (0, 2**64 - 1):
            gh, packed = pack(g, h, listed, seed=seed)
            gh_ref, packed_ref = reference.pack(g, h, listed, seed)
            np.testing.assert_array_equal(gh, gh_ref)
            assert packed == packed_ref


def unpack(gh):
    return gh.view(np.int32) >> 16, (gh & 0xFFFF).astype(np.int64)


def test_rounding_is_unbiased_and_within_one_unit():
    rng = np.random.default_rng(0)
    n = 20_000
    g, h = rng.normal(size=n).astype(np.float32), rng.random(n).astype(np.float32)
    g[:2000] = rng.normal(scale=1e-5, size=2000)  # far below one unit
    mean_g, mean_h, n_seeds = np.zeros(n), np.zeros(n), 400
    for seed in range(n_seeds):
        gh, packed = pack(g, h, seed=seed)
        gq, hq = unpack(gh)
        x, z = g * packed["scale_g"], h * packed["scale_h"]
        assert (np.abs(gq - x) < 1 + 1e-4).all() and (np.abs(hq - z) < 1 + 1e-4).all()
        mean_g += (gq - x) / n_seeds
        mean_h += (hq - z) / n_seeds
    # the error of a mean of n_seeds roundings has a standard deviation of at most 1/2 / sqrt(n_seeds)
    sigma = 0.5 / np.sqrt(n_seeds)
    for error in (mean_g, mean_h):
        assert np.abs(error).max() < 6 * sigma
        assert abs(error.mean()) < 6 * sigma / np.sqrt(n)
    assert abs(mean_g[:2000].mean()) < 6 * sigma / np.sqrt(2000)


def test_rounding_of_rows_and_trees_is_uncorrelated():
    g = np.full(100_000, 0.3, np.float32)
    g[0] = 32766.0  # scale 1: 0.3 units a row
    up = [unpack(pack(g, seed=seed)[0])[0][1:] - 0.3 for seed in range(6)]
    for a in range(6):
        for b in range(a):
            for lag in (-1, 0, 1):
                assert abs(np.corrcoef(up[a], np.roll(up[b], lag))[0, 1]) < 0.02
        assert abs(np.corrcoef(up[a][1:], up[a][:-1])[0, 1]) < 0.02


def test_whole_numbers_stay_exact():
    rng = np.random.default_rng(0)
    g = rng.integers(-1000, 1001, 100_000).astype(np.float32) / 4
    h = rng.integers(0, 9, 100_000).astype(np.float32)
    for seed in range(3):
        gh, packed = pack(g, h, seed=seed)
        gq, hq = unpack(gh)
        np.testing.assert_array_equal(gq, g * packed["scale_g"])
        np.testing.assert_array_equal(hq, h * packed["scale_h"])
    g = np.array([32766, -32766, 1, 0], np.float32)
    h = np.array([65534, 65534, 1, 0], np.float32)
    gh, packed = pack(g, h)
    assert packed["scale_g"] == packed["scale_h"] == 1.0
    np.testing.assert_array_equal(unpack(gh)[0], g)
    np.testing.assert_array_equal(unpack(gh)[1], h)


@pytest.mark.parametrize("size", [1.0, 1e-45, 1e-38, 3e38, 0.0, 1 / 3, 32766.5, 65535.0])
@pytest.mark.parametrize("n", [1, 100, 100_000, 3_000_000])
def test_sums_cannot_overflow_where_all_rows_are_the_largest(size, n):
    g = np.full(n, size, np.float32)
    for sign in (1, -1):
        gh, packed = pack(sign * g, g)
        gq, hq = unpack(gh)
        assert packed["sum_g"] == gq.sum(dtype=np.int64) and packed["sum_h"] == hq.sum()
        assert abs(packed["sum_g"]) < 2**31 and packed["sum_h"] < 2**31
        assert np.abs(gq).max() <= 32766 and hq.max() <= 65534
        assert (packed["min_hq"], packed["max_hq"]) == (hq.min(), hq.max())
        if size:
            assert np.abs(gq).sum(dtype=np.int64) > min(n * 8000, 2**29), "precision is given away"
            # one 64-bit sum of packed cells holds both
            cell = int(((gq.astype(np.int64) << 32) + hq).sum())
            assert (cell >> 32, cell & 0xFFFFFFFF) == (packed["sum_g"], packed["sum_h"])


def test_one_outlier_leaves_the_sum_of_the_others_unbiased():
    n = 100_000
    g = np.full(n, 0.5, np.float32)
    g[12345] = 1e6
    total = np.mean([(p := pack(g, seed=s)[1])["sum_g"] / p["scale_g"] for s in range(50)])
    # the unit is 1e6 / 2^15 or less: rounding 0.5 has a standard deviation of sqrt(0.5 * 31) a row
    assert abs(total - 1e6 - 0.5 * (n - 1)) < 6 * np.sqrt(0.5 * 62 * n / 50)


def test_rows_without_weight_are_zero():
    y, raw, weight = data("log_binary", 10_000)
    g, h, _ = run("log_binary", y, raw, weight)
    gh, packed = pack(g, h)
    assert (gh[weight == 0] == 0).all()
    assert packed["min_hq"] == 0


def test_a_row_is_rounded_alike_in_every_sample():
    g = np.random.default_rng(0).normal(size=10_000).astype(np.float32)
    g[[0, 1]] = 8.0, -8.0  # the same scale for every sample that has them
    rows = np.concatenate([[0, 1], np.arange(2, 10_000, 3)]).astype(np.uint32)
    whole, packed = pack(g, seed=5)
    some, some_packed = pack(g, None, rows, seed=5)
    assert packed["scale_g"] == some_packed["scale_g"]
    np.testing.assert_array_equal(some, whole[rows])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(bad):
    good = np.ones(5000, np.float32)
    for position in (0, 4097, 4999):
        g = good.copy()
        g[position] = bad
        for function in (stats, pack):
            with pytest.raises(ValueError, match="NaN or infinite"):
                function(g, good)
            with pytest.raises(ValueError, match=r"NaN or infinite|negative"):
                function(good, g)
    g = good.copy()
    g[4500] = -1e-40
    for function in (stats, pack):
        with pytest.raises(ValueError, match="hessian of the loss is negative"):
            function(good, g)


def test_lengths_and_rows_are_checked():
    g = np.ones(10, np.float32)
    with pytest.raises(ValueError, match="h has 9 elements"):
        pack(g, g[:9])
    with pytest.raises(ValueError, match="rows must be below 10"):
        pack(g, g, np.array([10], np.uint32))
    with pytest.raises(ValueError, match="unknown loss"):
        fill_gradients("hinge", np.ones(10), np.ones(10), None, g, None)
    with pytest.raises(ValueError, match="weight has 9 elements"):
        fill_gradients("poisson", np.ones(10), np.ones(10), np.ones(9), g, None)
    with pytest.raises(ValueError, match="needs lse"):
        fill_gradients("log_multinomial", np.ones(10, np.int32), np.ones(10), None, g, None)
    with pytest.raises(ValueError, match="classes from 0 to 1"):
        focal_factors(
            np.ones((2, 10)), np.full(10, 2, np.int32), np.ones(10), 2.0, np.ones((3, 10), np.float32)
        )
