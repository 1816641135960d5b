"""`python -m benchmarks.ladder`: compiles and runs the steps of docs/fast/histogram.md."""

import os
import subprocess
import tempfile
from pathlib import Path


def main():
    source = Path(__file__).with_name("histogram.c")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "histogram")
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-std=gnu11", "-O3", str(source), "-o", str(program)], check=True)
        subprocess.run([str(program)], check=True)


if __name__ == "__main__":
    main()
