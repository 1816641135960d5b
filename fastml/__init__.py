"""Fast tree ensembles, clustering and EM for the CPU, with scikit-learn's interface."""

__version__ = "0.1.0"
