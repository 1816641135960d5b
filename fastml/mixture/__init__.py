"""Mixtures of Gaussian distributions, fitted by EM."""

from fastml.mixture.bayesian_mixture import BayesianGaussianMixture
from fastml.mixture.gaussian_mixture import GaussianMixture
from fastml.mixture.selection import select_mixture

__all__ = ["BayesianGaussianMixture", "GaussianMixture", "select_mixture"]
