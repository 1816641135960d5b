"""Hidden Markov models."""

from fastml.hmm.categorical import CategoricalHMM
from fastml.hmm.gaussian import GaussianHMM
from fastml.hmm.gmm import GMMHMM
from fastml.hmm.multinomial import MultinomialHMM
from fastml.hmm.poisson import PoissonHMM

__all__ = ["GMMHMM", "CategoricalHMM", "GaussianHMM", "MultinomialHMM", "PoissonHMM"]
