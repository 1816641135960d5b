"""Prediction by models of the same trees: fastml, the library that has trained them, and others.

`python -m benchmarks.run predict`. A case of single rows is 1,000 calls, one row each. Models are trained
when they are first wanted and kept in the folder for temporary files. The ten digits are those of
FASTML_DATA/mnist.npz.
"""

import os
import pickle
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import dense_contest
from benchmarks.dense_contest import Contestant, NotHere

AIM = (
    "Prediction, seconds for all rows (1,000 calls where the rows are single), 28 features (digits: 784), "
    "float64 unless the set says float32. Models are LightGBM's, the forest is fastml's and given to "
    "scikit-learn node by node; XGBoost and CatBoost predict with models of their own of the same number of "
    "trees and leaves, CatBoost's being symmetric. Aims: 12 times the fastest rival at 300 x 31, 4 times at "
    "100 x 255, 3 times for the forest."
)
SINGLE = 1000
ROWS = (1, 100, 10_000, 100_000, 1_000_000)


def _folder():
    folder = Path(tempfile.gettempdir()) / f"fastml-predict-{os.getuid() if hasattr(os, 'getuid') else 0}"
    folder.mkdir(exist_ok=True)
    return folder


def _numbers(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 28)).astype(np.float32).astype(float)  # scikit-learn rounds to float32
    y = X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + X[:, 3:8].sum(axis=1) + rng.normal(size=n)
    return X, y


def _digits():
    with np.load(Path(os.environ.get("FASTML_DATA", "")) / "mnist.npz") as file:
        return file["X_train"][:20_000].astype(float), file["y_train"][:20_000]


def _lightgbm(name, options, n_trees, X, y):
    import lightgbm

    path = _folder() / f"{name}.txt"
    if not path.exists():
        options = {**options, "verbose": -1, "num_threads": 2}
        lightgbm.train(options, lightgbm.Dataset(X, y), n_trees).save_model(path)
    return path


def _forest(X, y):
    """A forest of ours, and the same trees as scikit-learn's."""
    path = _folder() / "forest.fm"
    if not path.exists():
        from sklearn.ensemble import RandomForestClassifier as Theirs
        from sklearn.tree._tree import NODE_DTYPE, Tree

        from fastml.ensemble import RandomForestClassifier

        ours = RandomForestClassifier(100, random_state=0, n_jobs=2).fit(X, y > 0)
        theirs = Theirs(100, max_depth=1).fit(X[:1000], y[:1000] > 0)
        for own, other in zip(ours.estimators_, theirs.estimators_, strict=True):
            grown = own.tree_
            nodes = np.zeros(grown.node_count, dtype=NODE_DTYPE)
            nodes["left_child"], nodes["right_child"] = grown.children_left, grown.children_right
            nodes["feature"], nodes["threshold"] = grown.feature, grown.threshold
            nodes["n_node_samples"] = grown.n_node_samples
            nodes["weighted_n_node_samples"] = grown.weighted_n_node_samples
            tree = Tree(X.shape[1], np.array([2], dtype=np.intp), 1)
            values = np.ascontiguousarray(grown.value.reshape(-1, 1, 2))
            state = {"max_depth": grown.max_depth, "node_count": len(nodes), "nodes": nodes, "values": values}
            tree.__setstate__(state)
            other.tree_ = tree
        (_folder() / "forest.pickle").write_bytes(pickle.dumps(theirs))
        ours.save(path)
    return path


def _case(name, n_trees, n_leaves, n_rows, dtype):
    def make():
        train = None
        if name == "digits":
            train = X, y = _digits()
            options = {"num_leaves": n_leaves, "objective": "multiclass", "num_class": 10}
            path = _lightgbm(name, options, n_trees // 10, X, y)
        elif name == "forest":
            train = X, y = _numbers(200_000)
            path = _forest(X, y)
        else:
            train = X, y = _numbers(100_000)
            path = _lightgbm(name, {"num_leaves": n_leaves}, n_trees, X, y)
        rows = X[:SINGLE] if n_rows == 1 else np.tile(X, (max(1, -(-n_rows // len(X))), 1))[:n_rows]
        return {
            "X": rows.astype(dtype),
            "train": train,
            "path": path,
            "single": n_rows == 1,
            "kind": name if name in ("digits", "forest") else "numbers",
            "shape": (n_trees, n_leaves),
        }

    return make


SHAPES = {
    "300 x 31": (300, 31),
    "100 x 255": (100, 255),
    "1000 x 8": (1000, 8),
    "digits": (300, 31),
    "forest": (100, None),
}
SETS = {
    f"{name}, {'single rows' if rows == 1 else f'{rows:,} rows'}{kind}": _case(
        name, trees, leaves, rows, dtype
    )
    for kind, dtype in (("", np.float64), (", float32", np.float32))
    for name, (trees, leaves) in SHAPES.items()
    for rows in ROWS
}


def _calls(data, many, one=None):
    """The timed function: one call for all rows, or one for each."""
    X = data["X"]
    if not data["single"]:
        return lambda: many(X)
    one = one or many
    rows = [X[i : i + 1] for i in range(len(X))]
    return lambda: np.concatenate([np.atleast_1d(one(row)) for row in rows])


def _needs(data, *kinds):
    if data["kind"] not in kinds:
        raise NotHere(f"no model for {data['kind']}")


def _ours(data, threads):
    if data["kind"] == "forest":
        import fastml

        return fastml.load(data["path"]).set_params(n_jobs=threads)
    from fastml.io import from_lightgbm

    return from_lightgbm(data["path"], n_jobs=threads)


def prepare_fastml(data, threads):
    model = _ours(data, threads)
    if data["kind"] == "forest":
        return _calls(data, model.predict_proba, model.predictor("predict_proba"))
    return _calls(data, model.predict, model.predictor())


def prepare_lightgbm(data, threads):
    import lightgbm

    _needs(data, "numbers", "digits")
    booster = lightgbm.Booster(model_file=data["path"])
    return _calls(data, lambda X: booster.predict(X, num_threads=threads))


def prepare_xgboost(data, threads):
    import xgboost

    _needs(data, "numbers", "digits")
    n_trees, n_leaves = data["shape"]
    path = _folder() / f"{data['kind']}-{n_trees}x{n_leaves}.ubj"
    if not path.exists():
        options = {"grow_policy": "lossguide", "max_leaves": n_leaves, "max_depth": 0, "nthread": 2}
        if data["kind"] == "digits":
            options |= {"objective": "multi:softprob", "num_class": 10}
            n_trees //= 10
        xgboost.train(options, xgboost.DMatrix(*data["train"]), n_trees).save_model(path)
    booster = xgboost.Booster(model_file=path)
    booster.set_param({"nthread": threads})
    return _calls(data, booster.inplace_predict)


def prepare_catboost(data, threads):
    import catboost

    _needs(data, "numbers")
    n_trees, n_leaves = data["shape"]
    path = _folder() / f"{n_trees}x{n_leaves}.cbm"
    model = catboost.CatBoost()
    if path.exists():
        model.load_model(path)
    else:
        depth = int(n_leaves).bit_length() - (n_leaves & (n_leaves - 1) == 0)
        options = {"iterations": n_trees, "depth": depth, "thread_count": 2, "verbose": False}
        model = catboost.CatBoost(options | {"allow_writing_files": False}).fit(*data["train"])
        model.save_model(path)
    return _calls(data, lambda X: model.predict(X, thread_count=threads))


def prepare_daal4py(data, threads):
    import daal4py
    import lightgbm

    _needs(data, "numbers", "digits")
    daal4py.daalinit(threads)
    model = daal4py.mb.convert_model(lightgbm.Booster(model_file=data["path"]))
    if data["kind"] == "digits":
        return _calls(data, lambda X: model.predict_proba(X))
    return _calls(data, lambda X: model.predict(X))


def prepare_lleaves(data, threads):
    import lleaves
    import llvmlite.binding

    llvmlite.binding.initialize = lambda: None  # lleaves 1.3 calls it; newer llvmlite initializes itself
    _needs(data, "numbers", "digits")
    model = lleaves.Model(model_file=str(data["path"]))
    cache = data["path"].with_suffix(".lleaves")
    model.compile(cache=str(cache))
    return _calls(data, lambda X: model.predict(X, n_jobs=threads))


def prepare_treelite(data, threads):
    import treelite

    if data["single"]:
        raise NotHere("treelite's own prediction is for many rows")
    if data["kind"] == "forest":
        with (_folder() / "forest.pickle").open("rb") as file:
            model = treelite.sklearn.import_model(pickle.load(file))
    else:
        model = treelite.frontend.load_lightgbm_model(str(data["path"]))
    return _calls(data, lambda X: treelite.gtil.predict(model, X, nthread=threads).reshape(len(X), -1))


def prepare_tl2cgen(data, threads):
    import tl2cgen
    import treelite

    _needs(data, "numbers")
    library = data["path"].with_suffix(".so")
    if not library.exists():
        model = treelite.frontend.load_lightgbm_model(str(data["path"]))
        tl2cgen.export_lib(model, "gcc", library, params={"parallel_comp": 32}, nthread=2)
    predictor = tl2cgen.Predictor(library, nthread=threads)
    return _calls(data, lambda X: predictor.predict(tl2cgen.DMatrix(X, dtype="float64")).reshape(len(X), -1))


def prepare_onnxruntime(data, threads):
    import onnxruntime

    from fastml.io import to_onnx

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    content = to_onnx(_ours(data, threads)).SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    wanted = session.get_outputs()[-1].name
    return _calls(data, lambda X: session.run([wanted], {"X": X.astype(np.float32)})[0])


def prepare_sklearn(data, threads):
    _needs(data, "forest")
    with (_folder() / "forest.pickle").open("rb") as file:
        model = pickle.load(file).set_params(n_jobs=threads)
    return _calls(data, model.predict_proba)


CONTESTANTS = [
    Contestant("fastml", prepare_fastml, (2, 1), "fastml"),
    Contestant("LightGBM", prepare_lightgbm, (2, 1), "lightgbm"),
    Contestant("XGBoost", prepare_xgboost, (2, 1), "xgboost-cpu"),
    Contestant("CatBoost", prepare_catboost, (2,), "catboost"),
    Contestant("daal4py", prepare_daal4py, (2,), "scikit-learn-intelex"),
    Contestant("lleaves", prepare_lleaves, (2, 1), "lleaves"),
    Contestant("treelite", prepare_treelite, (2,), "treelite"),
    Contestant("tl2cgen", prepare_tl2cgen, (2, 1), "tl2cgen"),
    Contestant("onnxruntime", prepare_onnxruntime, (2, 1), "onnxruntime"),
    Contestant("scikit-learn", prepare_sklearn, (2, 1), "scikit-learn"),
]


def quality(data, fitted):
    """Largest difference to LightGBM's or scikit-learn's answer in the first thousand rows.

    XGBoost and CatBoost have models of their own.
    """
    if data["kind"] == "forest":
        with (_folder() / "forest.pickle").open("rb") as file:
            expected = pickle.load(file).predict_proba(data["X"][:1000])
    else:
        import lightgbm

        expected = lightgbm.Booster(model_file=data["path"]).predict(data["X"][:1000])
    found = np.asarray(fitted)[: len(expected)].reshape(len(expected), -1)
    return {"difference": float(np.abs(expected.reshape(len(expected), -1) - found).max())}


def main(arguments):
    """Measure and print."""
    dense_contest.run("benchmarks.predict", arguments)
