"""Streams of batches through model files."""

import io
import pickle

import numpy as np
import pytest

import fastml
from fastml.io.errors import ModelFileError
from fastml.mixture import BayesianGaussianMixture, GaussianMixture

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)) + 4 * RNG.integers(0, 2, 300)[:, None]
TYPES = ["full", "tied", "diag", "spherical"]


def saved(model):
    file = io.BytesIO()
    model.save(file)
    return fastml.load(io.BytesIO(file.getvalue()))


@pytest.mark.filterwarnings("ignore:Best performing")
@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize(
    "options", [{}, {"covariance_prior": "empirical"}, {"mean_precision_prior": 2.0}, None]
)
@pytest.mark.parametrize("copy", [saved, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_loaded_model_goes_on_as_the_unsaved_one(covariance_type, options, copy):
    cls = BayesianGaussianMixture if options is None else GaussianMixture
    for begin, dtype in (("fit", np.float32), ("partial_fit", np.float64)):
        model = cls(n_components=2, covariance_type=covariance_type, random_state=0, **(options or {}))
        getattr(model, begin)(X[:100].astype(dtype))
        other = copy(model)
        for part in (X[100:180], X[180:]):
            model.partial_fit(part)
            other.partial_fit(part)
        for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
            np.testing.assert_array_equal(getattr(model, name), getattr(other, name))
        assert model.lower_bound_ == other.lower_bound_


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stream_batches", -1),
        ("stream_rows", 0),
        ("stream_weight", 0.0),
        ("stream.weight", -np.ones(2)),
        ("stream.first", np.full((2, 3), np.nan)),
        ("stream.second", np.zeros((1, 1))),
        ("stream.shift", np.zeros(2)),
        ("stream.shift", np.zeros(3, dtype=np.float32)),
        ("prior_concentration", 0.5),
        ("prior_precision", -1.0),
        ("prior_freedom", float("nan")),
        ("stream.prior_mean", np.full(3, np.inf)),
        ("stream.prior_scale", np.zeros((1, 1))),
        ("stream.prior_scale", None),
    ],
)
def test_hostile_streams_are_refused(covariance_type, name, value):
    model = GaussianMixture(2, covariance_type=covariance_type, covariance_prior="empirical", random_state=0)
    values, arrays = model.partial_fit(X)._get_model_state()
    target = values if name in values else arrays
    if value is None:
        value = -arrays[name]
    assert name in target
    target[name] = value
    with pytest.raises(ModelFileError):
        GaussianMixture(2, covariance_type=covariance_type)._set_model_state(values, arrays)
