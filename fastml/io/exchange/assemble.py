"""A `TreeModel` of foreign trees."""

from __future__ import annotations

import os
from contextlib import contextmanager

import numpy as np

from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.categories import CategoryEncoder
from fastml.io.errors import ModelFileError
from fastml.io.exchange.layout import lay_out
from fastml.io.tree_model import TreeModel

__all__ = ["assemble", "content_of", "reading"]


def assemble(
    foreign, link, *, origin, baseline=None, divisor=1.0, classes=None, feature_names=None, categories=None,
    n_jobs=None,
):  # fmt: skip
    """Make the model.

    Parameters
    ----------
    foreign : ForeignForest
        Not yet finished.
    link : Link
    origin : str
    baseline : array of shape (n_outputs,), optional
    divisor : float, default=1.0
        The sum of the trees and the baseline is divided by it.
    classes : ndarray, optional
        Labels, if ``predict`` of the original returns them.
    feature_names : sequence of str, optional
    categories : dict of int to list, optional
        Labels of the columns that hold labels; label k is the number k in the trees.
    n_jobs : int, optional

    Returns
    -------
    TreeModel
    """
    n_outputs = max(foreign.n_outputs, foreign.width)
    baseline = np.zeros(n_outputs) if baseline is None else np.asarray(baseline, dtype=np.float64).reshape(-1)
    if baseline.size != n_outputs:
        raise ModelFileError(f"the baseline has {baseline.size} numbers for {n_outputs} outputs")
    foreign.finish()
    forest, mapper, planes = lay_out(foreign, baseline)
    encoder = CategoryEncoder()
    for j, labels in (categories or {}).items():
        encoder._set(j, list(labels))
    fitted = {
        "origin_": origin,
        "n_features_in_": foreign.n_features,
        "feature_names_": None if feature_names is None else [str(name) for name in feature_names],
        "_forest": forest,
        "_mapper": mapper,
        "_planes": planes,
        "_baseline": baseline,
        "_divisor": float(divisor),
        "_link": link,
        "_numbers": _numbers(foreign, forest),
        "_categories": encoder,
    }
    if classes is not None:
        fitted["classes_"] = np.asarray(classes)
    model = TreeModel._made(fitted, n_jobs)
    # what an import has made passes what a file has to pass
    checked = TreeModel(n_jobs=n_jobs)
    checked._set_model_state(*model._get_model_state())
    return checked


def content_of(model):
    """Bytes of a model that is handed in as its path, its content or a binary file; None of another object.

    Raises
    ------
    TypeError
        If a file object is not binary, or a text is a model and not its path.
    OSError
        If the file cannot be read.
    """
    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model)
    if hasattr(model, "read"):
        content = model.read()
        if not isinstance(content, (bytes, bytearray)):
            raise TypeError("a file object must be binary: open it with mode 'rb'")
        return bytes(content)
    if not isinstance(model, (str, os.PathLike)):
        return None
    if isinstance(model, str) and ("\n" in model or model.startswith("{")):
        raise TypeError("a text is taken for a path; hand in the text of a model as text.encode()")
    with open(os.fspath(model), "rb") as file:
        return file.read()


def _numbers(foreign, forest):
    """The original's number of each node, where the engine finds it."""
    number = foreign.arrays["number"]
    if number.size and not (number.min() >= -(2**31) and number.max() < 2**31):
        raise ModelFileError("the numbers of nodes must fit 32 bits")
    # a CartForest tells nodes in the order in which it was given them: no tree is in another order than here
    assert forest.n_nodes == number.size or isinstance(forest, CartForest)
    return number.astype(np.int32)


@contextmanager
def reading(what):
    """Whatever a reader stumbles over in a stranger's model, the caller hears one kind of error."""
    try:
        with np.errstate(all="ignore"):
            yield
    except (ModelFileError, MemoryError):
        raise
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise ModelFileError(f"this {what} model is not valid: {type(error).__name__}: {error}") from error
