"""The dense engine, of clustering, mixtures and their like: accumulate, merge, update over rows of reals."""
