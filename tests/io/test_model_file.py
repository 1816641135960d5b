"""Models through files: equal to the bit, the same bytes, and no file that crashes."""

import copy
import io
import json
import os
import pickle
import struct
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

import fastml
from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from fastml.io import CallableMarker, ModelFileError
from fastml.io.model_file import FORMAT_VERSION
from fastml.io.tensor_file import digest_of, pack, unpack


def saved(model):
    """Bytes of the model's file."""
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()


def loaded(content):
    return fastml.load(io.BytesIO(bytes(content)))


def numeric():
    X, y = load_breast_cancer(return_X_y=True)
    X[::7, 3] = np.nan
    return GradientBoostingClassifier(max_iter=5, random_state=0).fit(X, y), X


def multiclass():
    X, y = load_iris(return_X_y=True)
    labels = np.array(["setosa", "größer", "z"], dtype=object)[y]
    return GradientBoostingClassifier(max_iter=4, max_leaf_nodes=4).fit(X, labels), X


def with_categories():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "city": pd.Categorical(rng.choice(["Bern", "Oslo", "Rome", "Wien", "Riga", "Kiel"], 400)),
            "number": pd.Categorical(rng.integers(0, 9, 400)),
            "age": rng.normal(40, 10, 400),
        }
    )
    frame.loc[::11, "city"] = np.nan
    y = frame["city"].isin(["Oslo", "Rome"]) + rng.normal(size=400) * 0.1
    return GradientBoostingRegressor(max_iter=6, max_leaf_nodes=6, random_state=1).fit(frame, y), frame


def early_stopped():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = GradientBoostingRegressor(max_iter=30, early_stopping=True, random_state=3, loss="absolute_error")
    return model.fit(X, y, eval_set={"all": (X, y)}), X


def one_class():
    X = np.arange(40.0).reshape(20, 2)
    return GradientBoostingClassifier(max_iter=2).fit(X, np.full(20, "only")), X


MODELS = [numeric, multiclass, with_categories, early_stopped, one_class]


@pytest.fixture(scope="module")
def small_file():
    """A file small enough to damage thousands of times, with categories, strings and missing values."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 6, 80), rng.normal(size=80)])
    y = np.array(["no", "yes"])[((X[:, 0] % 2 == 0) & (X[:, 1] > 0)).astype(int)]
    model = GradientBoostingClassifier(
        max_iter=2, max_leaf_nodes=4, min_samples_leaf=5, categorical_features=[0], random_state=0
    )
    return saved(model.fit(X, y)), X


@pytest.mark.parametrize("make", MODELS)
def test_round_trip_is_equal_to_the_bit(make, tmp_path):
    model, X = make()
    path = tmp_path / "model.fastml"
    model.save(path)
    for other in (fastml.load(path), fastml.load(str(path)), loaded(path.read_bytes())):
        assert type(other) is type(model)
        np.testing.assert_array_equal(other.predict(X), model.predict(X), strict=True)
        np.testing.assert_array_equal(other.apply(X), model.apply(X), strict=True)
        if hasattr(model, "predict_proba"):
            np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X), strict=True)
            np.testing.assert_array_equal(other.classes_, model.classes_, strict=True)
        for ours, theirs in zip(other.staged_predict(X), model.staged_predict(X), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("make", MODELS)
def test_loaded_model_has_every_fitted_attribute(make):
    model, _ = make()
    other = loaded(saved(model))
    names = {name for name in dir(model) if name.endswith("_") and not name.startswith("_")}
    assert {name for name in dir(other) if name.endswith("_") and not name.startswith("_")} == names
    assert set(vars(other)) == set(vars(model))
    for name in names:
        np.testing.assert_equal(getattr(other, name), getattr(model, name), err_msg=name)
    assert other.dump("json") == model.dump("json")


@pytest.mark.parametrize("make", MODELS)
def test_same_model_gives_the_same_bytes(make):
    model, X = make()
    content = saved(model)
    assert saved(model) == content
    assert saved(loaded(content)) == content
    assert saved(pickle.loads(pickle.dumps(model))) == content
    assert saved(copy.deepcopy(model)) == content
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(loaded(content))).predict(X), model.predict(X))


def test_bytes_do_not_depend_on_threads_or_verbosity():
    X, y = load_breast_cancer(return_X_y=True)
    contents = {
        saved(GradientBoostingClassifier(max_iter=5, random_state=0, n_jobs=n_jobs).fit(X, y))
        for n_jobs in (1, 2, 3)
    }
    assert len(contents) == 1


@pytest.mark.parametrize(
    "labels",
    [
        np.array([3, -1]),
        np.array([3, 1], dtype=np.uint8),
        np.array([-1.0, 2.0]),
        np.array([True, False]),
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
    ],
)
def test_classes_keep_their_dtype(labels):
    X = np.arange(60.0)[:, None]
    model = GradientBoostingClassifier(max_iter=2, min_samples_leaf=2).fit(
        X, labels[(X[:, 0] > 25).astype(int)]
    )
    other = loaded(saved(model))
    np.testing.assert_array_equal(other.classes_, model.classes_, strict=True)
    np.testing.assert_array_equal(other.predict(X), model.predict(X), strict=True)


def test_parameters_are_kept_but_for_how_to_run():
    model, _ = numeric()
    model.set_params(n_jobs=2, verbose=1, l2_regularization=0.1 + 0.2, interaction_cst=[{0, 1}, (2, 3)])
    model.set_params(class_weight={0: 1.0, 1: np.float64(2.5)}, monotonic_cst=np.array([1] * 30))
    other = loaded(saved(model))
    parameters, expected = other.get_params(), model.get_params()
    assert (parameters.pop("n_jobs"), parameters.pop("verbose")) == (None, 0)
    del expected["n_jobs"], expected["verbose"]
    np.testing.assert_equal(parameters, expected)
    assert clone(other).get_params().keys() == model.get_params().keys()


def test_generators_are_not_stored():
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(max_iter=2, random_state=np.random.RandomState(3)).fit(X, y)
    assert loaded(saved(model)).random_state is None


def squared(y, raw):
    return raw - y, np.ones_like(y)


def test_custom_loss_is_kept_by_name():
    X, y = load_diabetes(return_X_y=True)
    model = GradientBoostingRegressor(loss=squared, max_iter=3, random_state=0).fit(X, y)
    other = loaded(saved(model))
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    assert isinstance(other.loss, CallableMarker)
    with pytest.raises(TypeError, match=r"squared.*set_params"):
        other.fit(X, y)
    assert saved(other) == saved(model)
    np.testing.assert_array_equal(other.set_params(loss=squared).fit(X, y).predict(X), model.predict(X))


def test_custom_link_is_refused():
    def exponential(y, raw):
        return squared(y, raw)

    exponential.inverse_link = np.exp
    X, y = load_diabetes(return_X_y=True)
    model = GradientBoostingRegressor(loss=exponential, max_iter=2).fit(X, y / 100)
    with pytest.raises(ModelFileError, match="inverse_link"):
        saved(model)


def test_loss_that_is_changed_after_the_fit_is_not_the_model_s():
    X, y = load_diabetes(return_X_y=True)
    model = GradientBoostingRegressor(max_iter=2).fit(X, y).set_params(loss="poisson")
    other = loaded(saved(model))
    assert other.loss == "poisson"
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_model_is_saved_from_a_callback():
    X, y = load_diabetes(return_X_y=True)
    files = []
    model = GradientBoostingRegressor(max_iter=3).fit(
        X, y, callbacks=lambda info: files.append(saved(info.estimator))
    )
    assert [loaded(content).n_iter_ for content in files] == [1, 2, 3]
    np.testing.assert_array_equal(loaded(files[-1]).predict(X), model.predict(X))


def test_fit_is_continued_after_loading():
    X, y = load_diabetes(return_X_y=True)
    model = GradientBoostingRegressor(max_iter=3, warm_start=True, random_state=0).fit(X, y)
    other = loaded(saved(model))
    model.set_params(max_iter=6).fit(X, y)
    other.set_params(max_iter=6).fit(X, y)
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_what_cannot_be_saved_is_refused(tmp_path):
    class Derived(GradientBoostingRegressor):
        pass

    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ModelFileError, match="LinearRegression cannot be stored"):
        fastml.io.save(LinearRegression().fit(X, y), tmp_path / "m")
    with pytest.raises(ModelFileError, match="no subclass"):
        Derived(max_iter=1).fit(X, y).save(tmp_path / "m")
    with pytest.raises(NotFittedError):
        GradientBoostingRegressor().save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_failed_write_leaves_the_old_file(tmp_path):
    model, _ = one_class()
    path = tmp_path / "model"
    path.mkdir()
    with pytest.raises(OSError):
        model.save(path)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        fastml.load(tmp_path / "absent")


def test_path_in_bytes(tmp_path):
    model, X = one_class()
    path = os.fsencode(tmp_path / "model")
    model.save(path)
    assert os.listdir(tmp_path) == ["model"]
    np.testing.assert_array_equal(fastml.load(path).predict(X), model.predict(X))


# -- files that are not as save writes them


def repacked(content, change):
    """The file with changed document and arrays, and the digest that goes with them."""
    document, arrays = unpack(np.frombuffer(content, dtype=np.uint8))
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(document, arrays)
    return pack(document, arrays)


def set_in(*path, value):
    def change(document, arrays):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_in("format", value="other"), "not a fastml model"),
        (set_in("format_version", value=FORMAT_VERSION + 1), "upgrade fastml"),
        (set_in("format_version", value=0), "positive integer"),
        (set_in("format_version", value=True), "positive integer"),
        (set_in("format_version", value="1"), "positive integer"),
        (set_in("estimator", value="os.system"), "unknown to fastml"),
        (set_in("estimator", value=["GradientBoostingClassifier"]), "unknown to fastml"),
        (set_in("estimator", value="GradientBoostingRegressor"), "focal_gamma"),
        (set_in("fastml_version", value=3), "must be a text"),
        (set_in("parameters", value=[]), "JSON object"),
        (set_in("parameters", "n_jobs", value=4), "'n_jobs'"),
        (set_in("parameters", "unheard_of", value=4), "'unheard_of'"),
        (set_in("parameters", "max_iter", value="many"), "max_iter"),
        (set_in("parameters", "max_iter", value={"$tuple": 3}), "parameter max_iter"),
        (set_in("parameters", "loss", value="poisson"), "loss"),
        (set_in("values", "random_seed", value=-1), "random_seed"),
        (set_in("values", "random_seed", value=1.0), "random_seed"),
        (set_in("values", "do_early_stopping_", value=1), "do_early_stopping"),
        (set_in("values", "evals_result_", value={"a": {"b": [1]}}), "evals_result"),
        (set_in("values", "surplus", value=1), "unexpected fields: 'surplus'"),
        (set_in("text_arrays", value={}), "classes_"),
        (set_in("extra", value=1), "extra"),
        (set_in("values", "objective", value="log_loss"), "objective"),
        (set_in("values", "objective", "n_classes", value=3), "classes_"),
        (set_in("values", "objective", "loss", value="poisson"), "poisson"),
        (set_in("values", "objective", "n_classes", value=2.5), "classes_"),
        (lambda d, arrays: d["values"]["objective"].update(loss="focal", focal_gamma="x"), "focal_gamma"),
        (lambda document, arrays: document.pop("values"), "lacks"),
        (lambda document, arrays: document["values"].pop("random_seed"), "random_seed"),
        (lambda document, arrays: arrays.pop("classes_"), "classes_"),
        (lambda document, arrays: arrays.pop("forest.left"), "left"),
        (lambda document, arrays: arrays.pop("bins.edges"), "edges"),
        (lambda document, arrays: arrays.update(surplus=np.zeros(1)), "surplus"),
        (lambda document, arrays: arrays.update(train_score_=np.zeros(4)), "train_score"),
        (lambda document, arrays: arrays.update(train_score_=np.zeros(1, "f4")), "train_score"),
    ],
)
def test_invalid_documents_are_refused(small_file, change, message):
    content, _ = small_file
    with pytest.raises(ModelFileError, match=message):
        loaded(repacked(content, change))


def replace(name, value, at=...):
    def change(document, arrays):
        arrays[f"forest.{name}"][at] = value

    return change


def first_split(arrays):
    return int(np.flatnonzero(arrays["forest.left"] >= 0)[0])


def point_child_at(offset):
    def change(document, arrays):
        node = first_split(arrays)
        arrays["forest.left"][node] = node + offset

    return change


@pytest.mark.parametrize(
    "change",
    [
        point_child_at(0),
        point_child_at(2),
        replace("left", 0),
        replace("left", 2**31 - 1),
        replace("right", -2),
        replace("feature", 2),
        replace("feature", -1),
        replace("feature", 2**31 - 1),
        replace("code", 255),
        replace("threshold", np.nan),
        replace("missing_left", 2),
        replace("category_set", 10**6),
        replace("category_set", -2),
        replace("value", np.inf),
        replace("value", np.nan),
        replace("gain", np.nan),
        replace("weight", -1.0),
        replace("count", -1),
        replace("baseline", np.nan),
        replace("tree_output", 1),
        replace("tree_output", -1),
        replace("tree_offsets", 2**62),
        replace("tree_offsets", 1, at=0),
        lambda document, arrays: arrays.update({"forest.left": arrays["forest.left"][:-1]}),
        lambda document, arrays: arrays.update({"forest.value": arrays["forest.value"].astype("U5")}),
        lambda document, arrays: arrays.update({"forest.baseline": np.zeros(2)}),
        lambda document, arrays: arrays.update({"forest.category_sets": np.zeros((9, 31), "u1")}),
        lambda document, arrays: arrays.update({"bins.n_codes": arrays["bins.n_codes"] * 0}),
        lambda document, arrays: arrays.update({"bins.edges": arrays["bins.edges"][::-1]}),
        lambda document, arrays: arrays.update({"bins.edges_offsets": arrays["bins.edges_offsets"] + 2**40}),
        lambda document, arrays: arrays.update({"bins.categories": arrays["bins.categories"] * np.nan}),
    ],
)
def test_invalid_forests_and_bins_are_refused(small_file, change):
    content, _ = small_file
    with pytest.raises(ModelFileError):
        loaded(repacked(content, change))


def test_every_truncation_is_refused(small_file):
    content, _ = small_file
    for size in range(len(content)):
        with pytest.raises(ModelFileError):
            loaded(content[:size])


def test_damaged_bytes_are_refused(small_file):
    content, _ = small_file
    rng = np.random.default_rng(1)
    for _ in range(3000):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), rng.integers(1, 4)):
            damaged[position] ^= int(rng.integers(1, 256))
        if damaged != content:
            with pytest.raises(ModelFileError):
                loaded(damaged)


def test_hostile_bytes_with_the_right_digest_are_refused_or_harmless(small_file):
    """A stranger can compute the digest, too: then the validators alone stand guard."""
    content, X = small_file
    rng = np.random.default_rng(2)
    size = int.from_bytes(content[:8], "little")
    digest_at = content.index(b'sha256\\":\\"') + 11
    n_loaded = 0
    for i in range(3000):
        damaged = bytearray(content)
        start, stop = (8, 8 + size) if i % 3 == 0 else (8 + size, len(content))
        for position in rng.integers(start, stop, rng.integers(1, 4)):
            # Mostly bit flips and the ends of the range, where the limits are.
            damaged[position] = int(
                rng.choice([damaged[position] ^ (1 << rng.integers(8)), 0, 127, 128, 255])
            )
        damaged[digest_at : digest_at + 64] = digest_of(damaged).encode()
        try:
            model = loaded(damaged)
        except ModelFileError:
            continue
        n_loaded += 1
        probabilities = model.predict_proba(X)
        assert probabilities.shape == (len(X), 2)
        assert ((probabilities >= 0) & (probabilities <= 1)).all()
        model.apply(X)
        model.dump()
        model.dump("json")
    assert 100 < n_loaded < 2900


def test_huge_sizes_take_no_memory(small_file):
    content, _ = small_file
    for size in (2**20, 2**31, 2**40, 2**63, 2**64 - 1):
        with pytest.raises(ModelFileError):
            loaded(struct.pack("<Q", size) + content[8:])
    header = content[8 : 8 + int.from_bytes(content[:8], "little")].decode()
    entry = json.loads(header)["forest.value"]
    for shape in ([2**40], [2**62], [2**31, 2**31], [2**61, 2**61, 0]):
        huge = header.replace(
            f'"forest.value":{json.dumps(entry, separators=(",", ":"))}',
            f'"forest.value":{json.dumps({**entry, "shape": shape}, separators=(",", ":"))}',
        )
        assert huge != header
        damaged = bytearray(struct.pack("<Q", len(huge)) + huge.encode() + content[8 + len(header) :])
        digest_at = damaged.index(b'sha256\\":\\"') + 11
        damaged[digest_at : digest_at + 64] = digest_of(damaged).encode()
        with pytest.raises(ModelFileError, match=r"forest\.value"):
            loaded(damaged)


ODD_VALUES = [
    None,
    True,
    -1,
    0,
    2**63,
    1e308,
    "",
    "gbdt",
    [],
    [[[]]],
    {},
    {"a": []},
    {"$float": "nan"},
    {"$float": "-inf"},
    {"$tuple": [{"$set": [1]}]},
    {"$dict": [[None, None]]},
    {"$callable": "os.system"},
    {"$array": {"dtype": "object", "shape": [2], "values": [None, "x"]}},
    {"$array": {"dtype": "float64", "shape": [0, 3], "values": []}},
]


def test_odd_parameters_are_refused_or_harmless(small_file):
    content, X = small_file
    names = unpack(np.frombuffer(content, dtype=np.uint8))[0]["parameters"]
    expected = loaded(content).predict(X)
    n_refused = 0
    for name in names:
        for value in ODD_VALUES:
            try:
                model = loaded(repacked(content, set_in("parameters", name, value=value)))
            except ModelFileError as error:
                assert "parameter" in str(error)
                n_refused += 1
            else:
                np.testing.assert_array_equal(model.predict(X), expected)
    assert n_refused > len(names) * len(ODD_VALUES) / 2


def peak_memory(content):
    """Most bytes that loading held at a time, beside the content."""
    file = io.BytesIO(content)
    tracemalloc.start()
    try:
        fastml.load(file)
    except ModelFileError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def test_memory_is_a_multiple_of_the_size_of_the_file():
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(max_iter=300, min_samples_leaf=2, random_state=0).fit(X, y)
    content = saved(model)
    assert len(content) > 500_000
    assert peak_memory(content) < 6 * len(content)


@pytest.mark.parametrize("item", ["{}", "[]", '{"":0}', "[[]]", "1e9", '"a"', "0"])
def test_memory_for_hostile_text_is_a_multiple_of_its_size(small_file, item):
    content, _ = small_file
    text = ("[" + ",".join([item] * 200_000) + "]").encode()

    def change(document, arrays):
        arrays["classes_"] = np.frombuffer(text, dtype=np.uint8)

    hostile = bytes(repacked(content, change))
    assert peak_memory(hostile) < 60 * len(hostile)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 8, b"\0" * 100, b"PK\x03\x04" + bytes(50), pickle.dumps({"a": 1})]
)
def test_other_files_are_refused(content):
    with pytest.raises(ModelFileError):
        loaded(content)


def test_text_files_are_refused():
    with pytest.raises(TypeError, match="'rb'"):
        fastml.load(io.StringIO("text"))
