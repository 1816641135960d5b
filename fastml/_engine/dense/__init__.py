"""The engine of clustering, mixtures, hidden Markov and topic models: accumulate, merge, update over rows of reals."""
