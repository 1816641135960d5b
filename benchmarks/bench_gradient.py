"""Gradient, loss and packing kernels, one thread, every instruction set; extra_info has ns per row."""

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.gradient import fill_gradients, focal_factors, log_sum_exp, pack, stats
from fastml._engine.tree.loss import mean_loss

N = 1_000_000
N_CLASSES = 5
PARAM = {"huber": 0.7, "quantile": 0.3, "tweedie": 1.4, "focal_binary": 2.0, "focal_multinomial": 2.0}
LOSSES = [
    *("squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie"),
    *("log_binary", "focal_binary", "log_multinomial", "focal_multinomial"),
]


@pytest.fixture(scope="module", params=kernels.available())
def isa(request):
    before = kernels.selected()
    kernels.select(request.param)
    yield request.param
    kernels.select(before)


@pytest.fixture(scope="module")
def rows():
    """Targets of each kind, scores, and room for what is computed."""
    rng = np.random.default_rng(0)
    return {
        "real": rng.gamma(1.5, size=N) + 0.01,
        "binary": rng.integers(0, 2, N).astype(np.uint8),
        "multinomial": rng.integers(0, N_CLASSES, N).astype(np.int32),
        "raw": rng.normal(size=(N_CLASSES, N)),
        "g": np.empty(N, np.float32),
        "h": np.empty(N, np.float32),
        "lse": np.empty(N),
        "focal": np.empty((3, N), np.float32),
    }


def target_of(loss, rows):
    return rows[loss.rpartition("_")[2] if loss.endswith(("_binary", "_multinomial")) else "real"]


def timed(benchmark, function):
    benchmark.pedantic(function, rounds=10, warmup_rounds=2)
    benchmark.extra_info["ns_per_row"] = round(benchmark.stats["min"] / N * 1e9, 2)


@pytest.mark.parametrize("loss", LOSSES)
def bench_gradients(benchmark, isa, rows, loss):
    """g, h and their statistics, of one output."""
    y, param = target_of(loss, rows), PARAM.get(loss, 0.0)
    log_sum_exp(rows["raw"], rows["lse"])
    if loss == "focal_multinomial":
        focal_factors(rows["raw"], y, rows["lse"], param, rows["focal"])
    timed(
        benchmark,
        lambda: fill_gradients(
            loss,
            y,
            rows["raw"][0],
            None,
            rows["g"],
            rows["h"],
            param=param,
            lse=rows["lse"],
            focal=rows["focal"],
        ),
    )


@pytest.mark.parametrize("loss", LOSSES)
def bench_losses(benchmark, isa, rows, loss):
    """Mean loss, with all outputs."""
    raw = rows["raw"] if loss.endswith("_multinomial") else rows["raw"][:1]
    timed(benchmark, lambda: mean_loss(loss, target_of(loss, rows), raw, param=PARAM.get(loss, 0.0)))


def bench_log_sum_exp(benchmark, isa, rows):
    """Of five classes."""
    timed(benchmark, lambda: log_sum_exp(rows["raw"], rows["lse"]))


def bench_stats(benchmark, isa, rows):
    fill_gradients("log_binary", rows["binary"], rows["raw"][0], None, rows["g"], rows["h"])
    timed(benchmark, lambda: stats(rows["g"], rows["h"]))


@pytest.mark.parametrize("constant", [False, True], ids=["hessian", "constant hessian"])
def bench_pack(benchmark, isa, rows, constant):
    """Statistics and packing of all rows."""
    fill_gradients("log_binary", rows["binary"], rows["raw"][0], None, rows["g"], rows["h"])
    timed(benchmark, lambda: pack(rows["g"], None if constant else rows["h"], seed=1))


def bench_pack_sample(benchmark, isa, rows):
    """Statistics and packing of half of the rows, by their numbers."""
    fill_gradients("log_binary", rows["binary"], rows["raw"][0], None, rows["g"], rows["h"])
    sample = np.flatnonzero(np.random.default_rng(1).random(N) < 0.5).astype(np.uint32)
    timed(benchmark, lambda: pack(rows["g"], rows["h"], sample, seed=1))
