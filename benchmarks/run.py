"""`python -m benchmarks.run [NAME [options]]`: one benchmark, or all, in Markdown tables."""

import sys
from importlib import import_module

BENCHMARKS = ["boosting", "forest", "exact", "adaboost", "gmm", "hmm", "kmeans", "lda", "som", "predict"]
BENCHMARKS += ["shap"]


def main(arguments):
    """Run the benchmark that the first argument names, or all, with the other arguments as its options."""
    name, *options = arguments or ["all"]
    if name != "all" and name not in BENCHMARKS:
        sys.exit(f"{__doc__}\nThere is no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
    for chosen in BENCHMARKS if name == "all" else [name]:
        import_module(f"benchmarks.{chosen}").main(options)


if __name__ == "__main__":
    main(sys.argv[1:])
