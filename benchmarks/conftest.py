"""Makes `benchmarks` importable however pytest was started; last on the path: installed fastml first."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
