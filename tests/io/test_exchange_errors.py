"""Files of other libraries that are refused, and the error that each gets; rows that a model cannot read."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from fastml.io import ModelFileError, TreeModel, from_catboost, from_lightgbm, from_xgboost

GOLDEN = Path(__file__).parent / "golden"
TEXT = (GOLDEN / "lightgbm_categories.txt").read_text()
DOCUMENT = (GOLDEN / "xgboost_categories.json").read_text()
BINARY = (GOLDEN / "xgboost_classes.ubj").read_bytes()


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("end of trees", "", "no line 'end of trees'"),
        ("tree\nversion", "version", "not a LightGBM model"),
        ("num_leaves=6", "num_leaves=7", "has 6 entries, expected 7"),
        ("num_leaves=6", "num_leaves=999999999999", "expected 999999999999"),
        ("is_linear=0", "is_linear=1", "linear trees"),
        ("objective=regression", "objective=astrology", "objective 'astrology' is not known"),
        ("max_feature_idx=4", "max_feature_idx=0", "feature is not from 0 to 0"),
        ("max_feature_idx=4", "max_feature_idx=99999999", "from 1 to 16777216"),
        ("Tree=1", "Tree=3", "tree 3 stands where tree 1"),
        ("num_leaves=6", "num_leaves=6\nnum_leaves=6", "'num_leaves' is given twice"),
        ("decision_type=", "decision_type=99 ", "expected"),
        ("leaf_value=", "leaf_value=nan ", "expected"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=3", "whole rounds of 3"),
    ],
)
def test_lightgbm_text(old, new, message, tmp_path):
    assert old in TEXT
    path = tmp_path / "model.txt"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(ModelFileError, match=message):
        from_lightgbm(path)


def test_lightgbm_cycle(tmp_path):
    lines = TEXT.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("left_child="))
    lines[at] = "left_child=" + " ".join(["0"] * len(lines[at].split()))
    (tmp_path / "model.txt").write_text("\n".join(lines))
    with pytest.raises(ModelFileError, match="a node is the child of two nodes"):
        from_lightgbm(tmp_path / "model.txt")


def changed(change):
    document = json.loads(DOCUMENT)
    learner = document["learner"]
    change(learner, learner["gradient_booster"]["model"]["trees"][1])
    return json.dumps(document)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda learner, tree: learner["gradient_booster"].update(name="gblinear"), "booster is 'gblinear'"),
        (lambda learner, tree: learner["objective"].update(name="odd"), "objective 'odd' is not known"),
        (lambda learner, tree: tree["left_children"].pop(), "entries for"),
        (lambda learner, tree: tree["left_children"].__setitem__(0, 2), "child of two nodes"),
        (lambda learner, tree: tree["left_children"].__setitem__(0, 999), "outside the tree"),
        (lambda learner, tree: tree["right_children"].__setitem__(0, -1), "one child only"),
        (lambda learner, tree: tree["split_indices"].__setitem__(0, 77), "feature is not from 0 to 4"),
        (lambda learner, tree: tree["categories_sizes"].__setitem__(0, 10**6), "beyond the categories"),
        (lambda learner, tree: tree["tree_param"].update(size_leaf_vector="3"), "several values"),
        (lambda learner, tree: tree.update(left_children="text"), "list of integers"),
        (lambda learner, tree: learner.pop("objective"), "not valid: KeyError"),
        (lambda learner, tree: learner["learner_model_param"].update(num_feature="0"), "0 features"),
    ],
)
def test_xgboost_json(change, message, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(changed(change))
    with pytest.raises(ModelFileError, match=message):
        from_xgboost(path)


def test_xgboost_content(tmp_path):
    path = tmp_path / "model"
    for content, message in (
        (BINARY[:-100], "are announced"),
        (BINARY + b"x", "1 bytes follow the model"),
        (b"binf", "neither JSON nor UBJSON"),
        (b'{"a": 1, "a": 2}', "a key comes twice"),
        (b"{" + b"L\x00\x00\x00\x00\x00\x00\x00\x01a[" + b"[" * 99, "nested more than 64 deep"),
        (b"{" + b"L\x00\x00\x00\x00\x00\x00\x00\x01a[$d#L\x7f" + b"\xff" * 7, "are announced"),
    ):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=message):
            from_xgboost(path)


def test_catboost_content(tmp_path):
    path = tmp_path / "model.json"
    feature = {"feature_index": 0, "flat_feature_index": 0, "nan_value_treatment": "AsIs", "borders": [0.5]}
    split = {"split_type": "FloatFeature", "float_feature_index": 0, "border": 0.5}
    good = {
        "features_info": {"float_features": [feature]},
        "model_info": {"params": {"loss_function": {"type": "RMSE"}}},
        "oblivious_trees": [{"splits": [split], "leaf_values": [1.0, 2.0]}],
        "scale_and_bias": [2.0, [0.25]],
    }
    path.write_text(json.dumps(good))
    np.testing.assert_array_equal(from_catboost(path).predict([[0.5], [0.6], [np.nan]]), [2.25, 4.25, 2.25])
    for change, message in (
        ({"features_info": {"float_features": [feature], "categorical_features": [1]}}, "only numbers"),
        ({"oblivious_trees": [{"splits": [split], "leaf_values": [1.0]}]}, "has 1 values, 2 expected"),
        ({"oblivious_trees": [{"splits": [split] * 40, "leaf_values": [1.0]}]}, "40 levels"),
        (
            {"oblivious_trees": [{"splits": [split | {"split_type": "OnlineCtr"}], "leaf_values": [1, 2]}]},
            "OnlineCtr",
        ),
        ({"model_info": {"params": {"loss_function": {"type": "Odd"}}}}, "loss 'Odd' is not known"),
        ({"scale_and_bias": None}, "not valid"),
    ):
        path.write_text(json.dumps(good | change))
        with pytest.raises(ModelFileError, match=message):
            from_catboost(path)


def test_what_is_no_model():
    for read in (from_lightgbm, from_xgboost, from_catboost):
        with pytest.raises(TypeError, match="model must be a path"):
            read(3)
    with pytest.raises(TypeError, match="missing must be a number"):
        from_xgboost(GOLDEN / "xgboost_dart.json", missing="none")
    with pytest.raises(ModelFileError, match="start_iteration must be from 0 to 4"):
        from_lightgbm(GOLDEN / "lightgbm_categories.txt", start_iteration=9)
    with pytest.raises(ModelFileError, match="iteration_range must be"):
        from_xgboost(GOLDEN / "xgboost_dart.json", iteration_range=(3, 99))
    with pytest.raises(FileNotFoundError):
        from_lightgbm(GOLDEN / "there is none")


def test_content_instead_of_a_path():
    for read, name in (
        (from_lightgbm, "lightgbm_forest.txt"),
        (from_xgboost, "xgboost_classes.ubj"),
        (from_xgboost, "xgboost_dart.json"),
        (from_catboost, "catboost_classes.json"),
    ):
        path = GOLDEN / name
        X, content = np.load(path.with_suffix(".npz"))["X"], path.read_bytes()
        expected = read(path).predict_raw(X)
        for given in (str(path), content, bytearray(content), io.BytesIO(content)):
            np.testing.assert_array_equal(read(given).predict_raw(X), expected)
        with path.open("rb") as file:
            np.testing.assert_array_equal(read(file).predict_raw(X), expected)
        with pytest.raises(TypeError, match="binary"):
            read(io.StringIO("text"))
    for text in (TEXT, DOCUMENT):
        with pytest.raises(TypeError, match=r"hand in the text of a model as text\.encode"):
            from_lightgbm(text)


def test_rows_that_cannot_be_read():
    model = from_lightgbm(GOLDEN / "lightgbm_categories.txt")
    assert isinstance(model, TreeModel)
    with pytest.raises(ValueError, match="X has 4 features, but this model expects 5"):
        model.predict(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="two dimensions"):
        model.predict(np.zeros(5))
    with pytest.raises(AttributeError, match="no probabilities"):
        model.predict_proba(np.zeros((1, 5)))
    assert model.predict(np.zeros((0, 5))).shape == (0,)
    assert model.apply(np.zeros((0, 5))).shape == (0, 4)


def test_rounds():
    path = GOLDEN / "lightgbm_categories.txt"
    X = np.load(path.with_suffix(".npz"))["X"]
    whole = from_lightgbm(path).apply(X)
    np.testing.assert_array_equal(
        from_lightgbm(path, start_iteration=1, num_iteration=2).apply(X), whole[:, 1:3]
    )
    path = GOLDEN / "xgboost_classes.ubj"
    whole = from_xgboost(path).apply(X)
    np.testing.assert_array_equal(from_xgboost(path, iteration_range=(1, 2)).apply(X), whole[:, 3:6])
