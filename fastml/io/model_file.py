"""Save a fitted estimator as a safetensors file, load it back.

The estimator's side are two methods::

    _get_model_state() -> (values, arrays)
    _set_model_state(values, arrays)

`values` are small (numbers, texts, lists, dicts: see `fastml.io.json_values`), `arrays` are NumPy arrays of
numbers, bools or labels. Both are the estimator's own business: this module neither knows nor interprets
them. What is loaded has passed three checks: the container (`tensor_file`), the document (here), and the
estimator's own, which must refuse every state that could make it misbehave (`fastml.io.state`).
"""

import importlib
import os
from typing import Any, BinaryIO

import numpy as np

import fastml
from fastml.io.errors import ModelFileError
from fastml.io.json_values import decode_value, encode_value
from fastml.io.label_arrays import decode_arrays, encode_arrays
from fastml.io.tensor_file import pack, read_bytes, unpack, write_bytes

__all__ = ["FORMAT_VERSION", "load", "revive", "save"]

FORMAT_NAME = "fastml model"
FORMAT_VERSION = 1
"""Version that `save` writes. `load` reads this one and every older one."""

# A file names its estimator by a key of this table and by nothing else: it cannot make us import.
_ESTIMATORS = {
    "AdaBoostClassifier": "fastml.ensemble",
    "AdaBoostRegressor": "fastml.ensemble",
    "BayesianGaussianMixture": "fastml.mixture",
    "CategoricalHMM": "fastml.hmm",
    "DecisionTreeClassifier": "fastml.tree",
    "DecisionTreeRegressor": "fastml.tree",
    "ExtraTreeClassifier": "fastml.tree",
    "ExtraTreeRegressor": "fastml.tree",
    "ExtraTreesClassifier": "fastml.ensemble",
    "ExtraTreesRegressor": "fastml.ensemble",
    "GMMHMM": "fastml.hmm",
    "GaussianHMM": "fastml.hmm",
    "GaussianMixture": "fastml.mixture",
    "GradientBoostingClassifier": "fastml.ensemble",
    "GradientBoostingRegressor": "fastml.ensemble",
    "GrowingSOM": "fastml.cluster",
    "KMeans": "fastml.cluster",
    "LatentDirichletAllocation": "fastml.decomposition",
    "MiniBatchKMeans": "fastml.cluster",
    "MultinomialHMM": "fastml.hmm",
    "PoissonHMM": "fastml.hmm",
    "RandomForestClassifier": "fastml.ensemble",
    "RandomForestRegressor": "fastml.ensemble",
    "SOM": "fastml.cluster",
    "SOMClassifier": "fastml.cluster",
    "SOMRegressor": "fastml.cluster",
    "TreeModel": "fastml.io.tree_model",
}

# How a fit or a prediction is run, not what the model is. Left out, so that the same model gives the same
# file on any number of threads.
_RUN_PARAMETERS = frozenset({"n_jobs", "verbose"})

_NESTED = "$estimator"
_FIELDS = {"format", "format_version", "fastml_version", "estimator", "parameters", "values", "text_arrays"}


def save(model: Any, target: str | os.PathLike | BinaryIO) -> None:
    """Write a fitted estimator to a file.

    The same model gives the same bytes, on any machine and whatever the number of threads it was fitted
    with. Parameters that say how to run (``n_jobs``, ``verbose``) and a ``random_state`` that is a generator
    are not stored and load as their default. Functions (a custom objective, metric or callback) are stored as
    their name: the loaded model predicts, but they must be set again before another fit.

    Parameters
    ----------
    model : estimator
        A fitted estimator of fastml.
    target : str, os.PathLike or binary file object
        A path is replaced in one step: it never holds half a file.

    Raises
    ------
    ModelFileError
        If the model holds something that a file cannot (such as class labels that are neither numbers nor
        text, a subclass of an estimator, a parameter of unknown type).
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    OSError
        If the file cannot be written.
    """
    from sklearn.utils.validation import check_is_fitted  # at the top it would double fastml's import time

    name = _registered_name(type(model))
    check_is_fitted(model)
    values, arrays = model._get_model_state()
    table, tensors = encode_arrays(arrays)
    document = {
        "format": FORMAT_NAME,
        "format_version": FORMAT_VERSION,
        "fastml_version": fastml.__version__,
        "estimator": name,
        "parameters": _encode_parameters(model),
        "values": {key: encode_value(value, key) for key, value in values.items()},
        "text_arrays": table,
    }
    write_bytes(pack(document, tensors), target)


def load(source: str | os.PathLike | BinaryIO) -> Any:
    """Read an estimator from a file that `save` wrote.

    The file may come from a stranger: nothing in it is executed, every size and index is checked before it
    is used, and memory stays within a multiple of the file's size (about 2 for a model; below 60 for a file
    that is made to be large).

    Parameters
    ----------
    source : str, os.PathLike or binary file object

    Returns
    -------
    estimator
        Fitted; its predictions are equal to those of the saved model to the bit.

    Raises
    ------
    ModelFileError
        If the file is not a model file, is damaged, invalid, or of a newer version of the format.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import fastml
    >>> from fastml.ensemble import GradientBoostingRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradientBoostingRegressor(max_iter=20).fit(X, y)
    >>> model.save("diabetes.fastml")  # doctest: +SKIP
    >>> same = fastml.load("diabetes.fastml")  # doctest: +SKIP
    """
    return revive(*unpack(read_bytes(source)))


def revive(document, tensors):
    """The estimator of a file's document and arrays; raises as `load` does."""
    _check_document(document)
    estimator = _build(_registered_class(document["estimator"]), document["parameters"])
    arrays = decode_arrays(document["text_arrays"], tensors)
    values = {key: decode_value(value, key) for key, value in document["values"].items()}
    try:
        # A valid state sets floating-point fields without a warning; a hostile one may overflow in a check.
        with np.errstate(all="ignore"):
            estimator._set_model_state(values, arrays)
    except (ModelFileError, MemoryError):
        raise
    except Exception as error:
        # Whatever a validator stumbles over, the caller hears one kind of error; the cause stays attached.
        raise ModelFileError(f"the {document['estimator']} in this file is not valid: {error}") from error
    return estimator


def _registered_name(cls):
    if _ESTIMATORS.get(cls.__name__) and cls is _registered_class(cls.__name__):
        return cls.__name__
    raise ModelFileError(
        f"{cls.__module__}.{cls.__qualname__} cannot be stored in a model file; only "
        f"{', '.join(sorted(_ESTIMATORS))} can (and no subclass of them)"
    )


def _registered_class(name):
    if not isinstance(name, str) or name not in _ESTIMATORS:
        raise ModelFileError(
            f"the file holds an estimator {name!r:.80}, unknown to fastml {fastml.__version__}; "
            f"known are {', '.join(sorted(_ESTIMATORS))}"
        )
    return getattr(importlib.import_module(_ESTIMATORS[name]), name)


def _encode_parameters(model):
    parameters = {}
    for name, value in sorted(model.get_params(deep=False).items()):
        if name in _RUN_PARAMETERS:
            continue
        if name == "random_state" and not isinstance(value, (int, np.integer, type(None))):
            continue
        if type(value).__name__ in _ESTIMATORS:  # a parameter that is an estimator itself, unfitted
            nested = {"name": _registered_name(type(value)), "parameters": _encode_parameters(value)}
            parameters[name] = {_NESTED: nested}
        else:
            parameters[name] = encode_value(value, f"parameter {name}")
    return parameters


def _decode_parameter(value, where):
    if not (isinstance(value, dict) and set(value) == {_NESTED}):
        return decode_value(value, where)
    nested = value[_NESTED]
    if not (
        isinstance(nested, dict)
        and set(nested) == {"name", "parameters"}
        and isinstance(nested["parameters"], dict)
    ):
        raise ModelFileError(f"{where} must be an estimator's name and parameters")
    return _build(_registered_class(nested["name"]), nested["parameters"])


def _check_document(document):
    if document.get("format") != FORMAT_NAME:
        raise ModelFileError(
            f"not a fastml model: format is {document.get('format')!r:.80}, not {FORMAT_NAME!r}"
        )
    version = document.get("format_version")
    if type(version) is not int or version < 1:
        raise ModelFileError(f"format_version must be a positive integer, found {version!r:.80}")
    if version > FORMAT_VERSION:
        written_by = document.get("fastml_version")
        raise ModelFileError(
            f"the file has format version {version}, written by fastml {written_by!r:.40}; "
            f"this fastml {fastml.__version__} reads versions up to {FORMAT_VERSION}: upgrade fastml"
        )
    if set(document) != _FIELDS:
        missing, extra = sorted(_FIELDS - set(document)), sorted(set(document) - _FIELDS)
        raise ModelFileError(f"the fastml document lacks {missing} and has unknown {extra!r:.200}")
    for field in ("parameters", "values", "text_arrays"):
        if not isinstance(document[field], dict):
            raise ModelFileError(f"{field} must be a JSON object")
    if not isinstance(document["fastml_version"], str):
        raise ModelFileError("fastml_version must be a text")


def _build(cls, parameters):
    """Construct the estimator; parameters that the file lacks have their default."""
    known = set(cls._get_param_names()) - _RUN_PARAMETERS
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise ModelFileError(f"{cls.__name__} has no parameters {', '.join(map(repr, unknown[:5]))}")
    decoded = {name: _decode_parameter(value, f"parameter {name}") for name, value in parameters.items()}
    estimator = cls(**decoded)
    try:
        estimator._validate_params()
    except ValueError as error:  # sklearn's InvalidParameterError
        raise ModelFileError(f"a parameter in the file is not valid: {error}") from error
    return estimator
