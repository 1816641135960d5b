"""Text, JSON and DOT of trees: every fact is there, and the JSON alone is enough to predict."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastml
from fastml._engine.tree.forest import Forest
from fastml.io.dump import _range_text, dump_dot, dump_json, dump_text


def category_set(*codes):
    bits = np.zeros(256, dtype=np.uint8)
    bits[list(codes)] = 1
    return np.packbits(bits, bitorder="little")


def small_forest():
    """A tree with a numerical split over a categorical one, a single leaf, and a split at infinity."""
    forest = Forest(2, baseline=[0.5, -1.0])
    forest.append(
        {
            "left": [1, -1, 3, -1, -1],
            "right": [2, -1, 4, -1, -1],
            "feature": [1, -1, 0, -1, -1],
            "code": [3, 0, 0, 0, 0],
            "threshold": [2.5, np.nan, np.nan, np.nan, np.nan],
            "missing_left": [1, 0, 0, 0, 0],
            "category_set": [-1, -1, 0, -1, -1],
            "value": [0.0, 1.25, 0.5, -2.0, 3.0],
            "gain": [10.0, 0.0, 4.0, 0.0, 0.0],
            "count": [100, 40, 60, 25, 35],
            "weight": [50.0, 20.0, 30.0, 12.5, 17.5],
            "category_sets": category_set(0, 1, 3)[None],
        }
    )
    leaf = {"left": [-1], "right": [-1], "feature": [-1], "code": [0], "threshold": [np.nan]}
    leaf |= {"missing_left": [0], "category_set": [-1], "value": [7.0], "gain": [0.0], "count": [100]}
    forest.append({**leaf, "weight": [50.0]}, output=1)
    forest.append(
        {
            "left": [1, -1, -1],
            "right": [2, -1, -1],
            "feature": [2, -1, -1],
            "code": [200, 0, 0],
            "threshold": [np.inf, np.nan, np.nan],
            "missing_left": [0, 0, 0],
            "category_set": [-1, -1, -1],
            "value": [0.0, 1.0, 2.0],
            "gain": [1.0, 0.0, 0.0],
            "count": [100, 90, 10],
            "weight": [50.0, 45.0, 5.0],
        }
    )
    return forest


CATEGORIES = [["Bern", "Oslo", ("Rome", "Wien")], None, None]


def test_text_states_every_node():
    text = dump_text(
        small_forest(),
        feature_names=["city", "age", "x"],
        categories=CATEGORIES,
        output_names=["no", "yes"],
    )
    assert text == (
        "tree 0, output 0 (no), 3 leaves\n"
        "[0] age <= 2.5 (missing left), gain 10, cover 50, rows 100\n"
        "  [1] value 1.25, cover 20, rows 40\n"
        "  [2] city in {Bern, Rome, Wien} (missing left), gain 4, cover 30, rows 60\n"
        "    [3] value -2, cover 12.5, rows 25\n"
        "    [4] value 3, cover 17.5, rows 35\n"
        "\n"
        "tree 1, output 1 (yes), 1 leaf\n"
        "[0] value 7, cover 50, rows 100\n"
        "\n"
        "tree 2, output 0 (no), 2 leaves\n"
        "[0] x <= inf (missing right), gain 1, cover 50, rows 100\n"
        "  [1] value 1, cover 45, rows 90\n"
        "  [2] value 2, cover 5, rows 10\n"
    )


def test_text_without_names_uses_indices():
    text = dump_text(small_forest(), trees=[0])
    assert "x1 <= 2.5" in text
    assert "x0 in {0, 2}" in text
    assert text.count("tree ") == 1


def test_long_lists_of_categories_are_shortened_in_text_only():
    categories = [[f"c{i}" for i in range(40)], None, None]
    arrays = small_forest().arrays()
    arrays["category_sets"][0] = category_set(*range(1, 31))
    forest = Forest.from_arrays(arrays)
    assert "c11, ... 18 more}" in dump_text(forest, categories=categories, trees=[0])
    nodes = json.loads(dump_json(forest, categories=categories, trees=[0]))["trees"][0]["nodes"]
    assert nodes[2]["categories"] == [f"c{i}" for i in range(30)]


def test_json_is_enough_to_predict():
    document = json.loads(dump_json(small_forest(), categories=CATEGORIES))
    assert document["format"] == "fastml forest"
    assert document["version"] == 1

    def raw(row):
        scores = list(document["baseline"])
        for tree in document["trees"]:
            node = tree["nodes"][0]
            while "left" in node:
                value = row[node["feature"]]
                if value is None:
                    side = node["missing"]
                elif "categories" in node:
                    side = "left" if value in node["categories"] else "right"
                else:
                    side = "left" if value <= float(node["threshold"]) else "right"
                node = tree["nodes"][node[side]]
            scores[tree["output"]] += node["value"]
        return scores

    assert raw(["Bern", 3.0, 0.0]) == [0.5 - 2.0 + 1.0, -1.0 + 7.0]
    assert raw(["Oslo", 3.0, 0.0]) == [0.5 + 3.0 + 1.0, 6.0]
    assert raw(["Wien", 2.5, None]) == [0.5 + 1.25 + 2.0, 6.0]
    assert raw([None, None, 0.0]) == [0.5 + 1.25 + 1.0, 6.0]
    assert raw([None, 9.0, 0.0]) == [0.5 - 2.0 + 1.0, 6.0]


def test_json_holds_numbers_only_that_json_can():
    text = dump_json(small_forest(), categories=[[np.float64(1.0), np.nan, np.int64(3)], None, None])
    document = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert document["trees"][0]["nodes"][2]["categories"] == [1, 3]
    assert document["trees"][2]["nodes"][0]["threshold"] == "inf"


def test_deep_trees_are_dumped_without_recursion():
    depth = 3000
    n = 2 * depth + 1
    left, right = np.full(n, -1), np.full(n, -1)
    left[: 2 * depth : 2], right[: 2 * depth : 2] = np.arange(1, 2 * depth, 2), np.arange(2, n, 2)
    inner = left >= 0
    tree = {
        "left": left,
        "right": right,
        "feature": np.where(inner, 0, -1),
        "code": np.where(inner, 1, 0),
        "threshold": np.where(inner, 0.5, np.nan),
        "missing_left": np.zeros(n),
        "category_set": np.full(n, -1),
        "value": np.zeros(n),
        "gain": np.zeros(n),
        "count": np.ones(n),
        "weight": np.ones(n),
    }
    forest = Forest(1)
    forest.append(tree)
    assert dump_text(forest).count("\n") == n + 1
    assert len(json.loads(dump_json(forest))["trees"][0]["nodes"]) == n


@pytest.mark.parametrize("dump", [dump_text, dump_json])
def test_wrong_arguments_are_refused(dump):
    with pytest.raises(IndexError, match=re.escape("[0, 3)")):
        dump(small_forest(), trees=[3])
    with pytest.raises(ValueError, match="feature_names has 2 names"):
        dump(small_forest(), feature_names=["a", "b"])


GOLDEN = sorted((Path(__file__).parent / "golden").glob("v1_*.fastml"))
SHOWN = [path for path in GOLDEN if hasattr(fastml.load(path), "dump")]


def sums_of(document, row):
    """Outputs of one row, from JSON alone."""
    sums = np.array(document["baseline"])
    for tree in document["trees"]:
        node = tree["nodes"][0]
        while "left" in node:
            x = row[node["feature"]]
            goes_left = node["missing"] == "left"
            if x is not None and x == x:
                if "threshold" in node:
                    goes_left = x <= float(node["threshold"])
                elif "intervals" in node:
                    pairs = [[float(bound) for bound in pair] for pair in node["intervals"]]
                    goes_left = any((low == -np.inf or low < x) and x <= high for low, high in pairs)
                else:
                    goes_left = x in node["categories"]
            node = tree["nodes"][node["left" if goes_left else "right"]]
        sums[slice(None) if tree["output"] is None else tree["output"]] += node["value"]
    return sums / document["divisor"]


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_json_of_every_model_is_enough_to_predict(path):
    model = fastml.load(path)
    document = json.loads(model.dump("json"))
    rows = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["X"]
    X = np.array([[np.nan if cell is None else cell for cell in row] for row in rows], dtype=object)
    found = np.array([sums_of(document, row) for row in rows])
    assert len(document["trees"]) == len({tree["index"] for tree in document["trees"]})
    if "member_weights" in document:
        order = np.argsort(found, axis=1)
        reached = np.cumsum(np.array(document["member_weights"])[order], axis=1)
        place = (reached >= reached[:, -1:] / 2).argmax(axis=1)
        found, expected = found[np.arange(len(X)), order[np.arange(len(X)), place]], model.predict(X)
    elif hasattr(model, "predict_raw"):
        expected = model.predict_raw(X) / document["divisor"]
    elif hasattr(model, "decision_function"):
        expected = model.decision_function(X)
    else:
        expected = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_text_and_dot_have_every_node(path):
    model = fastml.load(path)
    text, dot = model.dump(), model.dump("dot")
    nodes = [len(tree["nodes"]) for tree in json.loads(model.dump("json"))["trees"]]
    assert len(re.findall(r"^ *\[\d+\] ", text, re.MULTILINE)) == sum(nodes)
    assert len(re.findall(r"^    t\d+n\d+ \[", dot, re.MULTILINE)) == sum(nodes)
    assert dot.count(" -> ") == sum(nodes) - len(nodes)
    assert len(re.findall("subgraph", model.dump("dot", trees=[0]))) == 1


def test_sets_of_other_libraries_are_named():
    golden = GOLDEN[0].parent
    assert "x2 not in {0, 2-3, 5-6" in fastml.load(golden / "v1_TreeModel_categories.fastml").dump()
    assert "x2 in {1, 4, 7, 10" in fastml.io.from_lightgbm(golden / "lightgbm_categories.txt").dump()


def test_dot_escapes_names():
    text = dump_dot(small_forest(), feature_names=['a"b', "c\\d", "e\nf"], categories=CATEGORIES)
    assert '[label="c\\\\d <= 2.5\\nmissing left\\nrows 100"]' in text
    assert '[label="e f <= inf' in text


def test_dump_takes_three_formats():
    with pytest.raises(ValueError, match="format must be 'text', 'json' or 'dot', got 'xml'"):
        fastml.load(SHOWN[0]).dump("xml")
    with pytest.raises(TypeError, match="expected a fitted tree model"):
        dump_text(3)


@pytest.mark.parametrize(
    "ends, text",
    [
        ((-np.inf, 3.0), "(-inf, 3]"),
        ((3.5, np.inf), "(3.5, inf]"),
        ((np.nextafter(2, 0), np.nextafter(5, 0)), "2-4"),
    ],
    ids=["below", "above", "whole numbers"],
)
def test_numbers_of_an_interval(ends, text):
    assert _range_text(*ends, None, 6) == text
