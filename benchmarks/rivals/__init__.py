"""One adapter per library, all with the same five names.

TITLE             how tables call the library
MODES             dict: name of a way to run it -> what it adds to the parameters; the fastest one counts
parameters(task, setting, mode) -> dict      the setting in the library's own words
fit(task, setting, mode) -> model            what is timed: from raw arrays to a fitted model
predict(model, task, X, setting) -> scores   as benchmarks.scores.quality takes them

`prepare(task) -> task` is optional and not timed: what must be done to the data before the library takes it.
A library is imported inside the functions, so that the parameters can be read where it is not installed; a
small fit before every measurement takes the import out of the time.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from importlib.util import find_spec

NAMES = ["fastml", "lightgbm", "xgboost", "catboost", "sklearn"]
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


def adapter(name):
    """The adapter module of a library."""
    if name not in NAMES:
        raise ValueError(f"unknown library {name!r}; there are {', '.join(NAMES)}")
    return import_module(f"benchmarks.rivals.{name}")


def version(name):
    """Version of the installed library, or None. fastml may also be used where it lies, without metadata."""
    if name == "fastml":
        return getattr(import_module("fastml"), "__version__", None) if find_spec("fastml") else None
    try:
        return installed_version(DISTRIBUTIONS.get(name, name))
    except PackageNotFoundError:
        return None
