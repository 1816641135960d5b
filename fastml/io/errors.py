"""The one error that reading or writing a model file raises."""

__all__ = ["ModelFileError"]


class ModelFileError(ValueError):
    """A model cannot be written to a file, or a file is not a valid model.

    The message says what was found, what was expected, and which field of the file or which
    parameter of the estimator is meant.
    """
