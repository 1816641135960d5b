"""Fast tree ensembles, clustering and EM for the CPU, with scikit-learn's interface."""

__version__ = "0.1.0"

from fastml._engine.runtime.show_config import show_config
from fastml.io.model_file import load

__all__ = ["__version__", "load", "show_config"]
