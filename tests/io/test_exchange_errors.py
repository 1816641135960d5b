"""Files of other libraries that are refused, and the error that each gets; rows that a model cannot read."""

import contextlib
import io
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
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
    path.write_bytes(b"CBM1 and more")
    with pytest.raises(ModelFileError, match=r'binary form; save the model with format="json"'):
        from_catboost(path)


def test_sets_of_many_nodes_cannot_share_categories():
    document = json.loads(DOCUMENT)
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    inner = [node for node, child in enumerate(tree["left_children"]) if child >= 0]
    tree["split_type"] = [int(child >= 0) for child in tree["left_children"]]
    tree["categories"], tree["categories_nodes"] = [1, 3, 5], inner
    tree["categories_segments"], tree["categories_sizes"] = [0] * len(inner), [3] * len(inner)
    with pytest.raises(ModelFileError, match="categories_segments overlap"):
        from_xgboost(json.dumps(document).encode())


def test_labels_that_xgboost_has_cut_are_not_guessed():
    document = json.loads(DOCUMENT)
    model, names = document["learner"]["gradient_booster"]["model"], ["Rom", "Ulm", "Bern"]

    def with_labels(labels):
        cut = "".join(labels).encode()[: sum(map(len, labels))]  # as XGBoost 3.2 does
        ends = np.cumsum([0, *map(len, labels)]).tolist()
        none = {"offsets": [], "values": []}
        model["cats"] = {"enc": [none, none, {"offsets": ends, "values": list(cut)}, none, none]}
        return from_xgboost(json.dumps(document).encode())

    columns = {f"x{j}": np.linspace(-1, 1, 3) for j in range(5)}
    frame = pd.DataFrame(columns | {"x2": pd.Categorical(names, categories=names)})
    rows = np.column_stack([*columns.values()])
    rows[:, 2] = [0, 1, 2]
    np.testing.assert_array_equal(with_labels(names).predict(frame), with_labels(names).predict(rows))
    broken = with_labels(["Köln", "Ulm", "Bern"])
    np.testing.assert_array_equal(broken.predict(rows), with_labels(names).predict(rows))
    with pytest.raises(ValueError, match="'x2' of X is numeric but holds text"):
        broken.predict(frame)


def tree_of_sets(n_sets, n_words):
    """LightGBM's text of a tree whose every split is by a set of its own."""
    words = [str((i * 2654435761 + j * 40503) % 2**32) for i in range(n_sets) for j in range(n_words)]
    lines = {
        "Tree": "0", "num_leaves": n_sets + 1, "num_cat": n_sets, "split_feature": "0 " * n_sets,
        "threshold": " ".join(map(str, range(n_sets))), "decision_type": "1 " * n_sets,
        "left_child": " ".join(str(-1 - i) for i in range(n_sets)),
        "right_child": " ".join([*(str(i + 1) for i in range(n_sets - 1)), str(-n_sets - 1)]),
        "leaf_value": "0 " * (n_sets + 1),
        "cat_boundaries": " ".join(str(i * n_words) for i in range(n_sets + 1)),
        "cat_threshold": " ".join(words),
    }  # fmt: skip
    head = TEXT[: TEXT.index("Tree=0")]
    return (
        head + "\n".join(f"{name}={value}" for name, value in lines.items()) + "\nend of trees\n"
    ).encode()


def hostile_files():
    lone = "".join(f"Tree={i}\nnum_leaves=1\nleaf_value=0\n\n" for i in range(2000))
    yield from_lightgbm, (TEXT[: TEXT.index("Tree=0")] + lone + "end of trees\n").encode()
    yield from_lightgbm, tree_of_sets(300, 6)
    yield from_lightgbm, tree_of_sets(1, 32768)
    feature = {"feature_index": 0, "flat_feature_index": 0, "nan_value_treatment": "AsIs", "borders": [0.5]}
    document = {
        "features_info": {"float_features": [feature]},
        "model_info": {"params": {"loss_function": {"type": "RMSE"}}},
        "oblivious_trees": [
            {"splits": [{"float_feature_index": 0, "border": 0}] * 14, "leaf_values": [0] * 2**14}
        ],
        "scale_and_bias": [1, 0],
    }
    yield from_catboost, json.dumps(document, separators=(",", ":")).encode()
    for item in ("[]", "{}", '{"":0}', "[[]]", "0.5"):
        yield from_xgboost, ('{"a":[' + ",".join([item] * 20_000) + "]}").encode()
    yield from_xgboost, b"{L" + bytes(7) + b"\x01a[" + b"{}" * 20_000 + b"]}"
    yield from_xgboost, b"{L" + bytes(7) + b"\x01a[" + b"[]" * 20_000 + b"]}"


def test_memory_of_hostile_files_is_a_multiple_of_their_size(capsys):
    multiples = []
    for read, content in hostile_files():
        tracemalloc.start()
        with contextlib.suppress(ModelFileError):
            read(content)
        multiples.append(tracemalloc.get_traced_memory()[1] / len(content))
        tracemalloc.stop()
    print("memory of hostile files, times their size:", " ".join(f"{m:.0f}" for m in multiples))
    assert max(multiples) < 300


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
