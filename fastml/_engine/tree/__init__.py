"""The tree engine: binning, histogram, split, partition, grow, predict."""
