"""Read an estimator's stored state one field at a time, checking each.

An estimator's ``_set_model_state(values, arrays)`` is handed dictionaries that a stranger may have
written. `StateReader` lets it say what it expects in one line per field, and finds both what is missing
and what is left over::

    state = StateReader(values, arrays)
    self.n_features_in_ = state.integer("n_features_in_", minimum=1)
    self.train_score_ = state.array("train_score_", np.float64, (None,))
    forest = Forest.from_arrays(state.group("forest."))
    state.finish()
"""

import math

import numpy as np

from fastml.io.errors import ModelFileError

__all__ = ["StateReader"]


class StateReader:
    """Checked access to the two dictionaries of a stored model.

    Parameters
    ----------
    values : dict of str to value
        Small values, as ``_get_model_state`` returned them.
    arrays : dict of str to ndarray
    """

    def __init__(self, values, arrays):
        self._values = dict(values)
        self._arrays = dict(arrays)

    def __contains__(self, name):
        return name in self._values or name in self._arrays

    def value(self, name):
        """Take the value `name` unchecked; the caller checks it."""
        try:
            return self._values.pop(name)
        except KeyError:
            raise ModelFileError(f"the field {name!r} is missing") from None

    def integer(self, name, *, minimum=None, maximum=None):
        """Take an integer within limits (both included)."""
        value = self.value(name)
        if type(value) is not int:
            raise ModelFileError(f"{name} must be an integer, found {value!r:.80}")
        return self._within(name, value, minimum, maximum)

    def real(self, name, *, minimum=None, maximum=None):
        """Take a finite number within limits (both included), as a float."""
        value = self.value(name)
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ModelFileError(f"{name} must be a finite number, found {value!r:.80}")
        return self._within(name, float(value), minimum, maximum)

    def boolean(self, name):
        """Take True or False."""
        value = self.value(name)
        if type(value) is not bool:
            raise ModelFileError(f"{name} must be true or false, found {value!r:.80}")
        return value

    def text(self, name, choices=None):
        """Take a string, one of `choices` if given."""
        value = self.value(name)
        if not isinstance(value, str) or (choices is not None and value not in choices):
            expected = "a text" if choices is None else f"one of {', '.join(map(repr, choices))}"
            raise ModelFileError(f"{name} must be {expected}, found {value!r:.80}")
        return value

    def array(self, name, dtype=None, shape=None):
        """Take an array of exactly this dtype and shape; None in `shape` stands for any size."""
        try:
            array = self._arrays.pop(name)
        except KeyError:
            raise ModelFileError(f"the array {name!r} is missing") from None
        if dtype is not None and array.dtype != np.dtype(dtype):
            raise ModelFileError(f"the array {name!r} must have dtype {np.dtype(dtype)}, found {array.dtype}")
        if shape is not None and (
            array.ndim != len(shape)
            or any(want not in (None, size) for want, size in zip(shape, array.shape, strict=True))
        ):
            expected = " x ".join("any" if want is None else str(want) for want in shape)
            raise ModelFileError(f"the array {name!r} must have shape {expected}, found {array.shape}")
        return array

    def group(self, prefix):
        """Take every array whose name starts with `prefix`, as a dict without the prefix."""
        names = [name for name in self._arrays if name.startswith(prefix)]
        return {name[len(prefix) :]: self._arrays.pop(name) for name in names}

    def finish(self):
        """Refuse whatever has not been taken."""
        left = sorted([*self._values, *self._arrays])
        if left:
            raise ModelFileError(f"unexpected fields: {', '.join(map(repr, left[:5]))}")

    @staticmethod
    def _within(name, value, minimum, maximum):
        if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
            limits = f"{'-inf' if minimum is None else minimum} to {'inf' if maximum is None else maximum}"
            raise ModelFileError(f"{name} must be within {limits}, found {value}")
        return value
