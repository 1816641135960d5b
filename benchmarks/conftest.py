"""`pytest benchmarks --benchmark-only` runs the functions bench_* of the files bench_*.py."""

import sys
from pathlib import Path

# However pytest was started, `benchmarks` can be imported; last on the path: an installed fastml comes first.
sys.path.append(str(Path(__file__).resolve().parent.parent))


def pytest_configure(config):
    config.addinivalue_line("python_files", "bench_*.py")
    config.addinivalue_line("python_functions", "bench_*")
