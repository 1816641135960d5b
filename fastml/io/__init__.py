"""Model files and dumps.

`save` and `load` write and read fitted estimators as safetensors files; `dump_text` and `dump_json` write
their trees for people and for other programs.
"""

from fastml.io.dump import dump_json, dump_text
from fastml.io.errors import ModelFileError
from fastml.io.json_values import CallableMarker
from fastml.io.model_file import load, save
from fastml.io.state import StateReader

__all__ = ["CallableMarker", "ModelFileError", "StateReader", "dump_json", "dump_text", "load", "save"]
