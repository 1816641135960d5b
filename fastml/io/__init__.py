"""Model files and dumps.

`save` and `load` write and read fitted estimators as safetensors files; `dump_text`, `dump_json` and
`dump_dot` write their trees for people and for other programs, `to_onnx` for runtimes; `from_lightgbm`,
`from_xgboost`, `from_catboost` and `from_sklearn` take over models of other libraries as a `TreeModel`.
"""

from importlib import import_module

from fastml.io.dump import dump_dot, dump_json, dump_text
from fastml.io.errors import ModelFileError
from fastml.io.json_values import CallableMarker
from fastml.io.model_file import load, save
from fastml.io.state import StateReader

__all__ = [
    "CallableMarker",
    "ModelFileError",
    "StateReader",
    "TreeModel",
    "dump_dot",
    "dump_json",
    "dump_text",
    "from_catboost",
    "from_lightgbm",
    "from_sklearn",
    "from_xgboost",
    "load",
    "save",
    "to_onnx",
]

# Read when first asked for: estimators, which are slow to import, stand behind them.
_LATER = {
    "TreeModel": "fastml.io.tree_model",
    "from_catboost": "fastml.io.exchange.catboost_json",
    "from_lightgbm": "fastml.io.exchange.lightgbm_text",
    "from_sklearn": "fastml.io.exchange.sklearn_trees",
    "from_xgboost": "fastml.io.exchange.xgboost_json",
    "to_onnx": "fastml.io.exchange.onnx_trees",
}


def __getattr__(name):
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
