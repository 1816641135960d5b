"""The models that are damaged: the golden files, each in the forms in which a stranger could hand it in."""

import io
import json
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

import numpy as np

import fastml
from fastml._engine.tree.binning import BinMapper
from fastml.hmm.base import BaseHMM
from fastml.io import ModelFileError, TreeModel, from_catboost, from_lightgbm, from_xgboost
from fastml.io.exchange import catboost_json, xgboost_json
from fastml.io.exchange.assemble import reading
from fastml.io.model_file import revive
from fastml.io.tensor_file import digest_of, read_bytes, unpack

from .damage import apply_to_bytes, apply_to_values, damage_bytes, damage_values

__all__ = ["Seed", "seeds"]

GOLDEN = Path(__file__).resolve().parents[1] / "io" / "golden"
_DIGEST_AT = 8 + len(rb'{"__metadata__":{"fastml":"{\"sha256\":\"')
_READERS = {"lightgbm": from_lightgbm, "xgboost": from_xgboost, "catboost": from_catboost}
_METHODS = ("predict", "predict_proba", "predict_raw", "decision_function", "transform", "apply", "dump",
            "score_samples", "shap_values")  # fmt: skip


class Seed(ABC):
    """A model that works, and a way in.

    Attributes
    ----------
    name : str
        Name of the golden file and of the way in: ``bytes`` (the file), ``values`` (behind the parser) or
        the attribute whose ``__setstate__`` is called.
    rows : ndarray
        That the model predicts.
    """

    def __init__(self, name, rows):
        self.name, self.rows = name, rows

    @abstractmethod
    def damage(self, rng):
        """Edits (`damage`)."""

    @abstractmethod
    def model(self, edits):
        """The model after the edits.

        Raises
        ------
        ModelFileError
            If they are noticed.
        """

    def run(self, edits):
        """Read and use the damaged model; the error that refuses it, or None."""
        with np.errstate(all="ignore"):
            try:
                model = self.model(edits)
            except ModelFileError as error:
                return str(error)
            self.use(model)
        return None

    def use(self, model):
        """Predict in all ways. A `ValueError` may say that the changed model no longer reads these rows."""
        rows = self.rows
        width = getattr(model, "n_features_in_", None) or getattr(model, "n_features", rows.shape[1])
        if width > 10_000:
            return
        if width != rows.shape[1]:
            rows = np.resize(rows, (len(rows), width))
        for name in _METHODS:
            with suppress(ValueError, AttributeError):
                method = getattr(model, name)
                method() if name == "dump" else method(rows)
        with suppress(ValueError, AttributeError):
            for member in model.estimators_:
                member.tree_.compute_node_depths()
                member.predict(rows)


class FileSeed(Seed):
    """Bytes of a file."""

    def __init__(self, path, rows, reader):
        super().__init__(f"{path.name} bytes", rows)
        self._content, self._reader = path.read_bytes(), reader

    def damage(self, rng):
        return damage_bytes(self._content, rng)

    def model(self, edits):
        content = apply_to_bytes(self._content, edits)
        if self._reader is fastml.load and len(content) > _DIGEST_AT + 64:
            # or no change would pass the first check
            digest = digest_of(content).encode()
            content = content[:_DIGEST_AT] + digest + content[_DIGEST_AT + 64 :]
        return self._reader(io.BytesIO(content))


class ValuesSeed(Seed):
    """Document and arrays of one of our files, parsed."""

    def __init__(self, path, rows):
        super().__init__(f"{path.name} values", rows)
        self._document, self._arrays = unpack(read_bytes(path))

    def damage(self, rng):
        return damage_values(self._document, self._arrays, rng)

    def model(self, edits):
        return revive(*apply_to_values(self._document, self._arrays, edits))


class DocumentSeed(Seed):
    """A parsed JSON or UBJSON model of another library."""

    def __init__(self, path, rows):
        super().__init__(f"{path.name} values", rows)
        if path.name.startswith("xgboost"):
            self._document = xgboost_json.parse(path.read_bytes())
            self._read = lambda document: xgboost_json.read_document(document)
        else:
            self._document = catboost_json.parse(path.read_bytes())
            self._read = lambda document: catboost_json.read_document(document)

    def damage(self, rng):
        return damage_values(self._document, {}, rng)

    def model(self, edits):
        document, _ = apply_to_values(self._document, {}, edits)
        with reading(self.name):
            return self._read(document)


class StateSeed(Seed):
    """The state of a part of a model, as a pickle hands it to ``__setstate__``."""

    def __init__(self, path, rows, attribute):
        super().__init__(f"{path.name} {attribute}", rows)
        self._model, self._attribute = fastml.load(path), attribute
        self._part = getattr(self._model, attribute) if attribute != "__setstate__" else self._model
        is_mapper = isinstance(self._part, BinMapper)
        self._state = self._part.get_state() if is_mapper else self._part.__getstate__()
        self._arrays = {}
        for key, value in self._state.items():
            for name, array in value.items() if isinstance(value, dict) else [("", value)]:
                if isinstance(array, np.ndarray):
                    for field in array.dtype.names or [""]:
                        self._arrays[f"{key}/{name}/{field}"] = array[field] if field else array

    def damage(self, rng):
        return damage_values({}, self._arrays, rng)

    def model(self, edits):
        _, arrays = apply_to_values({}, self._arrays, edits)
        state = {key: dict(value) if isinstance(value, dict) else value for key, value in self._state.items()}
        for place in self._arrays:
            key, name, field = place.split("/")
            own, last = (state[key], name) if name else (state, key)
            if not field:
                own.pop(last)
                if place in arrays:
                    own[last] = arrays[place]
            elif place in arrays and arrays[place].shape == own[last].shape:
                own[last] = own[last].copy()
                own[last][field] = arrays[place]
        try:
            if isinstance(self._part, BinMapper):
                part = BinMapper.from_state(state)
            else:
                part = type(self._part).__new__(type(self._part))
                part.__setstate__(state)
            model = part
            if self._attribute != "__setstate__":
                model = type(self._model).__new__(type(self._model))
                model.__setstate__(self._model.__getstate__() | {self._attribute: part})
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise ModelFileError(str(error)) from error
        return model


def seeds():
    """Every way in of every golden model.

    Returns
    -------
    list of Seed
    """
    found = []
    for path in sorted(GOLDEN.iterdir()):
        library = path.name.split("_")[0]
        if path.suffix == ".fastml":
            known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["X"][:6]
            rows = [[np.nan if cell is None else cell for cell in row] for row in known]
            has_text = any(isinstance(cell, str) for row in rows for cell in row)
            rows = np.array(rows, dtype=object if has_text else None)
            found += [FileSeed(path, rows, fastml.load), ValuesSeed(path, rows)]
            model = fastml.load(path)
            parts = ["_forest", "_cart", "_bin_mapper", "_mapper"]
            if isinstance(model, (TreeModel, BaseHMM)):
                parts = ["__setstate__"]
            found += [StateSeed(path, rows, part) for part in parts if getattr(model, part, None) is not None]
        elif library in _READERS and path.suffix in (".txt", ".json", ".ubj"):
            rows = np.load(path.with_suffix(".npz"))["X"][:6]
            found.append(FileSeed(path, rows, _READERS[library]))
            if library != "lightgbm":
                found.append(DocumentSeed(path, rows))
    return found
