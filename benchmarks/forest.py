"""Random forests, extra trees and a single tree, grown to purity."""

from benchmarks.tree_contest import Contest

LEARNERS = {
    "random forest": "8 times faster than scikit-learn-intelex, 30 times faster than scikit-learn",
    "extra trees": "10 times faster than scikit-learn",
    "tree": "15 times faster than scikit-learn",
}


def main(arguments):
    """Measure and print the tables; `--help` tells the options."""
    Contest("forest", LEARNERS, n_trees=50).main(arguments)
