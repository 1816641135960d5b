"""Tree models as ONNX: TreeEnsembleRegressor of ai.onnx.ml, and what turns its sums into a prediction.

The operator compares numbers, so sets of categories become columns before it: 0 where a row goes left by a
set, else 1. Its thresholds have the type of the input; of doubles each becomes the greatest float32 that is
not above it, which decides every float32 as the double does.
"""

from __future__ import annotations

import json

import numpy as np

import fastml
from fastml.io.described import describe_forest

__all__ = ["to_onnx"]

# The oldest operators that say all that is needed: read by onnxruntime from 1.11 on.
_OPSET, _ML_OPSET, _IR_VERSION = 16, 3, 8
_LARGEST_NUMBER = 2**24  # whole numbers that the operator's float32 outputs hold


def to_onnx(model, *, kind="predict", dtype=np.float32):
    """A tree model for ONNX runtimes.

    Parameters
    ----------
    model : fitted estimator
        GradientBoosting*, DecisionTree*, ExtraTree*, RandomForest*, ExtraTrees*, AdaBoost* of our trees, or
        `TreeModel`; regressors may have several outputs, classifiers one.
    kind : {'predict', 'apply'}, default='predict'
        'apply': the leaf of each tree, as the method `apply` numbers them (of AdaBoost by its members').
    dtype : {float32, float64}, default=float32
        Of the input. With float32 a row goes the way that the model sends the same float32 numbers, and
        values are summed in float32. With float64 sums are made in double and rounded once; onnxruntime is
        slower then.

    Returns
    -------
    onnx.ModelProto
        Input ``X`` of shape (n_rows, n_features). Outputs of a classifier: ``label`` (n_rows,) and
        ``probabilities``, float32 of shape (n_rows, n_classes); of a regressor ``prediction``, float32 of
        shape (n_rows,) or (n_rows, n_outputs); of 'apply' ``leaf``, int64 of shape (n_rows, n_trees). Columns
        that hold labels (text, categorical dtypes) are taken as numbers: the place in the list that
        ``metadata_props`` has under ``categories``, a JSON object by column; -1 for unknown ones.

    Raises
    ------
    ImportError
        If the package onnx is not installed (``pip install fastml[onnx]``).
    TypeError
        If `model` is none of the above.
    ValueError
        If `kind` or `dtype` is unknown, or the model predicts by what the format does not have: a custom
        ``inverse_link``, several outputs of a classifier, labels that are neither text nor numbers.

    Notes
    -----
    Written with opset 16 and ai.onnx.ml 3. A set of categories costs a column of the intermediate table, so
    models of thousands of splits by category take memory in the runtime.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastml.ensemble import GradientBoostingClassifier
    >>> from fastml.io import to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> model = to_onnx(GradientBoostingClassifier(max_iter=5).fit(X, y))  # doctest: +SKIP
    >>> open("iris.onnx", "wb").write(model.SerializeToString())  # doctest: +SKIP
    """
    if kind not in ("predict", "apply"):
        raise ValueError(f"kind must be 'predict' or 'apply', got {kind!r}")
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    forest = describe_forest(model)
    if not hasattr(model, "n_features_in_"):
        raise TypeError(f"a {type(model).__name__} does not know its features; hand in the fitted estimator")
    graph = _Graph(np.dtype(dtype), int(model.n_features_in_))
    if kind == "predict":
        # what cannot be said is found before the trees are walked
        finish = _finish(forest, type(model).__name__)
        finish(graph, graph.trees(forest, model.n_features_in_, by_leaf=False))
    else:
        leaf = graph.trees(forest, model.n_features_in_, by_leaf=True)
        graph.output("leaf", graph.node("Cast", leaf, to="int64"), np.int64, 2)
    labels = {str(j): list(known) for j, known in forest.labels.items()}
    return graph.model(
        type(model).__name__, {"categories": json.dumps(labels, default=str)} if labels else {}
    )


class _Graph:
    """An ONNX graph under construction."""

    def __init__(self, dtype, n_features):
        try:
            import onnx
        except ImportError as error:
            raise ImportError("to_onnx needs the package onnx: pip install fastml[onnx]") from error
        self.onnx, self.dtype, self._n_features = onnx, dtype, n_features
        self._nodes, self._constants, self._outputs = [], [], []

    def _type(self, dtype):
        return self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def constant(self, array):
        """Name of a constant; text becomes a tensor of strings."""
        name, array = f"c{len(self._constants)}", np.asarray(array)
        if array.dtype.kind in "OU":
            data = [str(text).encode() for text in array.tolist()]
            tensor = self.onnx.helper.make_tensor(name, self.onnx.TensorProto.STRING, array.shape, data)
        else:
            tensor = self.onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        self._constants.append(tensor)
        return name

    def node(self, operator, *inputs, outputs=1, domain="", to=None, **attributes):
        """Name of the result of an operator, or names."""
        if to is not None:
            attributes["to"] = self._type(to)
        names = [f"v{len(self._nodes)}_{k}" for k in range(outputs)]
        make = self.onnx.helper.make_node
        self._nodes.append(make(operator, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def output(self, name, value, dtype, n_dimensions):
        """Make a value an output under a name."""
        self._nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        kind = self.onnx.TensorProto.STRING if np.dtype(dtype).kind in "OU" else self._type(dtype)
        shape = ["n_rows", None][:n_dimensions]
        self._outputs.append(self.onnx.helper.make_tensor_value_info(name, kind, shape))

    def model(self, name, metadata):
        """The finished model."""
        helper = self.onnx.helper
        rows = helper.make_tensor_value_info("X", self._type(self.dtype), ["n_rows", self._n_features])
        graph = helper.make_graph(self._nodes, name, [rows], self._outputs, self._constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="fastml",
            producer_version=fastml.__version__,
        )  # fmt: skip
        helper.set_model_props(model, metadata)
        return model

    # -- trees

    def not_above(self, numbers):
        """The greatest number of the input's type that is not above each double."""
        numbers = np.asarray(numbers, dtype=np.float64)
        if self.dtype == np.float64:
            return numbers
        with np.errstate(over="ignore"):
            near = numbers.astype(np.float32)
        return np.where(near > numbers, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)

    def trees(self, forest, n_features, by_leaf):
        """Sums of the trees, float32 (n_rows, n_outputs); by_leaf: their leaves, (n_rows, n_trees)."""
        walk = _Nodes(self, n_features)
        for index in range(forest.n_trees):
            tree = forest.tree(index)
            if by_leaf:
                number = forest.numbers(index, tree)
                if number.max() > _LARGEST_NUMBER:
                    raise ValueError(
                        f"tree {index} has more than {_LARGEST_NUMBER} nodes: too many to number"
                    )
                walk.add(index, tree, forest, np.asarray(number, dtype=np.float64), index)
            else:
                walk.add(index, tree, forest, tree["value"], forest.output_of(index))
        base = np.zeros(forest.n_trees) if by_leaf else forest.baseline
        if not base.size:
            raise ValueError("a model without trees has no leaves")
        if not forest.n_trees:
            walk.add_leaf(base.size)
        table = self.node("Concat", "X", *walk.columns(forest), axis=1) if walk.sets else "X"
        return self.node(
            "TreeEnsembleRegressor", table, domain="ai.onnx.ml", n_targets=base.size,
            aggregate_function="SUM", **walk.attributes(base),
        )  # fmt: skip


class _Nodes:
    """Attributes of the operator, tree by tree, and the columns that stand for sets of categories."""

    def __init__(self, graph, n_features):
        self._graph, self._n_features = graph, n_features
        self._parts, self._leaves = [], []
        self.sets = {}  # (plane, bits) of each set: number of its column

    def add(self, index, tree, forest, value, output):
        """A tree: values (n_nodes,) of one output, or (n_nodes, n_outputs) and output None."""
        n = tree["left"].size
        inner = tree["left"] >= 0
        feature, threshold = np.where(inner, tree["feature"], 0), np.where(inner, tree["threshold"], 0.0)
        missing_left = inner & (np.asarray(tree["missing_left"]) > 0)
        for node in np.flatnonzero(tree["category_set"] >= 0).tolist():
            left = forest.goes_left(tree, node)
            key = int(tree["plane"][node]), left.tobytes()
            feature[node] = self._n_features + self.sets.setdefault(key, len(self.sets))
            threshold[node], missing_left[node] = 0.5, False
        self._parts.append(
            {
                "nodes_treeids": np.full(n, index),
                "nodes_nodeids": np.arange(n),
                "nodes_featureids": feature,
                "nodes_values": self._graph.not_above(threshold),
                "nodes_truenodeids": np.where(inner, tree["left"], 0),
                "nodes_falsenodeids": np.where(inner, tree["right"], 0),
                "nodes_missing_value_tracks_true": missing_left.astype(np.int64),
                "inner": inner,
            }
        )
        leaf = np.flatnonzero(~inner)
        width = 1 if value.ndim == 1 else value.shape[1]
        self._leaves.append(
            {
                "target_treeids": np.full(leaf.size * width, index),
                "target_nodeids": np.repeat(leaf, width),
                "target_ids": np.full(leaf.size, output)
                if width == 1
                else np.tile(np.arange(width), leaf.size),
                "target_weights": value[leaf].reshape(-1).astype(self._graph.dtype),
            }
        )

    def add_leaf(self, width):
        """A tree that adds nothing: the operator must have one."""
        names = ("left", "right", "feature", "category_set")
        tree = {name: np.array([-1]) for name in names} | {
            "threshold": np.zeros(1),
            "missing_left": np.zeros(1),
        }
        self.add(0, tree, None, np.zeros((1, width)) if width > 1 else np.zeros(1), 0)

    def attributes(self, base):
        nodes = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        leaves = {name: np.concatenate([part[name] for part in self._leaves]) for name in self._leaves[0]}
        inner = nodes.pop("inner")
        nodes["nodes_modes"] = np.where(inner, "BRANCH_LEQ", "LEAF")
        everything = nodes | leaves | {"base_values": base.astype(self._graph.dtype)}
        if self._graph.dtype == np.float32:
            return {name: array.tolist() for name, array in everything.items()}
        reals = ("nodes_values", "target_weights", "base_values")
        from_array = self._graph.onnx.numpy_helper.from_array
        return {
            f"{name}_as_tensor" if name in reals else name: from_array(array)
            if name in reals
            else array.tolist()
            for name, array in everything.items()
        }

    def columns(self, forest):
        """Names of tables with a column for each set, 0 where it says left: in the order of their numbers."""
        graph, dtype = self._graph, self._graph.dtype
        by_plane = {}
        for (plane, bits), column in self.sets.items():
            by_plane.setdefault(plane, []).append((column, np.frombuffer(bits, dtype=bool)))
        parts = []
        for plane, members in by_plane.items():
            rights = 1 - np.stack([bits for _, bits in members], axis=1)  # (256, n_sets of the plane)
            parts.append(
                graph.node("Gather", graph.constant(rights.astype(dtype)), self._code(forest, plane))
            )
        order = [column for members in by_plane.values() for column, _ in members]
        table = graph.node("Concat", *parts, axis=1)
        return [graph.node("Gather", table, graph.constant(np.argsort(order)), axis=1)]

    def _code(self, forest, plane):
        """Code of each row in a plane, int64 (n_rows,); 0 is missing."""
        graph, mapper = self._graph, forest.mapper
        feature = graph.constant(np.array([forest.feature_of(plane)]))
        column = graph.node("Gather", "X", feature, axis=1)
        axes = graph.constant(np.array([1]))
        if not mapper.is_categorical_[plane]:
            edges = graph.not_above(mapper.edges_[plane])
            above = graph.node("Greater", column, graph.constant(edges[None]))
            above = graph.node("Cast", above, to="int64")
            code = graph.node("Add", graph.node("ReduceSum", above, axes, keepdims=0), graph.constant([1]))
            known = graph.node("Not", graph.node("Squeeze", graph.node("IsNaN", column), axes))
            return graph.node("Mul", code, graph.node("Cast", known, to="int64"))
        own, grouped = mapper.categories_[plane], mapper.grouped_categories_[plane]
        values = np.concatenate([own, grouped])
        codes = np.minimum(np.arange(values.size), own.size) + 1
        exact = values == values.astype(graph.dtype)  # no number of the input is one of the others
        values, codes = values[exact].astype(graph.dtype), codes[exact]
        equal = graph.node("Equal", column, graph.constant(values[None]))
        weighted = graph.node("Mul", graph.node("Cast", equal, to="int64"), graph.constant(codes[None]))
        return graph.node("ReduceSum", weighted, axes, keepdims=0)


# -- from sums to predictions


def _finish(forest, name):
    """Function of graph and sums that adds the outputs of the prediction.

    Raises
    ------
    ValueError
        If the format cannot say how the model predicts.
    """
    if forest.link is None:
        raise ValueError(
            f"this {name} cannot be written as ONNX: its prediction needs a function of the user or is one "
            f"of several outputs of classes; fit one model for each output, or export kind='apply'"
        )
    if forest.member_weights is not None:
        return lambda graph, raw: _median(graph, raw, forest.member_weights)
    if forest.classes is None:
        return lambda graph, raw: _response(graph, _divided(graph, raw, forest), forest)
    if forest.classes.size < 2:
        raise ValueError(f"this {name} knows one class only: there is nothing to predict")
    classes = _class_labels(forest.classes)
    return lambda graph, raw: _classes(graph, _divided(graph, raw, forest), forest, classes)


def _class_labels(classes):
    kinds = {type(label) for label in classes.tolist()}
    if kinds <= {str} or (len(kinds) == 1 and kinds <= {int, float, bool}):
        return np.array(classes.tolist(), dtype=object if kinds == {str} else None)
    raise ValueError(
        f"labels must be all text or all numbers, got {', '.join(sorted(k.__name__ for k in kinds))}"
    )


def _divided(graph, raw, forest):
    if forest.divisor == 1.0:
        return raw
    return graph.node("Div", raw, graph.constant(np.array([forest.divisor], dtype=np.float32)))


def _scaled(graph, raw, scale):
    return (
        raw if scale == 1.0 else graph.node("Mul", raw, graph.constant(np.array([scale], dtype=np.float32)))
    )


def _linked(graph, raw, link):
    """The link of raw scores, as `Link.response`; of the same shape but for 'largest'."""
    simple = {"exp": "Exp", "log1p exp": "Softplus", "identity": "Identity", "share": "Identity",
              "second share": "Identity"}  # fmt: skip
    if link.name in simple:
        return graph.node(simple[link.name], raw)
    if link.name in ("sigmoid", "sigmoids", "sigmoid of score"):
        return graph.node("Sigmoid", _scaled(graph, raw, link.scale))
    if link.name == "softmax":
        return graph.node("Softmax", raw, axis=1)
    if link.name == "shifted softmax":
        return graph.node("Softmax", _scaled(graph, raw, link.scale), axis=1)
    if link.name == "signed square":
        return graph.node("Mul", raw, graph.node("Abs", raw))
    if link.name == "step":
        zero = graph.constant(np.zeros(1, dtype=np.float32))
        return graph.node("Cast", graph.node("Greater", raw, zero), to="float32")
    assert link.name == "largest", link.name
    return graph.node("Cast", graph.node("ArgMax", raw, axis=1, keepdims=1), to="float32")


def _response(graph, raw, forest):
    value = _linked(graph, raw, forest.link)
    n_dimensions = 2
    if forest.n_outputs == 1 or forest.link.name == "largest":
        value, n_dimensions = graph.node("Squeeze", value, graph.constant(np.array([1]))), 1
    graph.output("prediction", value, np.float32, n_dimensions)


def _classes(graph, raw, forest, classes):
    axes = graph.constant(np.array([1]))
    if forest.link.n_classes:  # one score says all about two classes
        half = 0.5 if forest.link.name == "second share" else 0.0
        second = graph.node("Greater", raw, graph.constant(np.array([half], dtype=np.float32)))
        which = graph.node("Squeeze", graph.node("Cast", second, to="int64"), axes)
        second = _linked(graph, raw, forest.link)
        one = graph.constant(np.ones(1, dtype=np.float32))
        probabilities = graph.node("Concat", graph.node("Sub", one, second), second, axis=1)
    else:
        probabilities = _linked(graph, raw, forest.link)
        which = graph.node("ArgMax", raw, axis=1, keepdims=0)
    graph.output("label", graph.node("Gather", graph.constant(classes), which), classes.dtype, 1)
    graph.output("probabilities", probabilities, np.float32, 2)


def _median(graph, values, weights):
    """The least value whose members, and those of lesser values, have half of the weight."""
    n = weights.size
    own, order = graph.node(
        "TopK", values, graph.constant(np.array([n])), outputs=2, axis=1, largest=0, sorted=1
    )
    weight = graph.node("Gather", graph.constant(weights.astype(np.float64)), order)
    reached = graph.node("CumSum", weight, graph.constant(np.array(1)))
    whole = graph.node("Gather", reached, graph.constant(np.array([n - 1])), axis=1)
    half = graph.node("Mul", whole, graph.constant(np.array([0.5])))
    enough = graph.node("Cast", graph.node("GreaterOrEqual", reached, half), to="int32")
    place = graph.node("ArgMax", enough, axis=1, keepdims=1)
    value = graph.node("GatherElements", own, place, axis=1)
    graph.output("prediction", graph.node("Squeeze", value, graph.constant(np.array([1]))), np.float32, 1)
