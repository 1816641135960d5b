"""Damaged model files: ``python -m tests.fuzz.mutate [seconds] [seed]`` changes real ones until the time is
over.

A file is read, and if it is accepted, the model predicts. Whatever happens must be an answer or a
`ModelFileError`; another exception ends the run and the file is kept. Our own files get their digest
renewed, or no change would pass the first check.
"""

import io
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import fastml
from fastml.io import ModelFileError, from_lightgbm, from_xgboost
from fastml.io.tensor_file import digest_of

GOLDEN = Path(__file__).resolve().parents[1] / "io" / "golden"
_DIGEST_AT = 8 + len(rb'{"__metadata__":{"fastml":"{\"sha256\":\"')
_NUMBERS = b"0 -1 1 2147483647 4294967296 9e99 -9e99 nan NaN inf 1e-320".split()
_BYTES = [0, 1, 0x7F, 0x80, 0xFF]


def sources():
    """Name, content and reader of every real file."""
    for path in sorted(GOLDEN.iterdir()):
        if path.suffix == ".fastml":
            yield path.name, path.read_bytes(), "fastml"
        elif path.name.startswith("lightgbm_") and path.suffix == ".txt":
            yield path.name, path.read_bytes(), "lightgbm"
        elif path.name.startswith("xgboost_") and path.suffix in (".json", ".ubj"):
            yield path.name, path.read_bytes(), "xgboost"


def mutated(content, kind, rng):
    """The content with one to four changes."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(0, max(1, len(content))))
        choice = rng.integers(0, 6)
        if choice == 0:
            content[at : at + 1] = bytes([int(rng.integers(0, 256))])
        elif choice == 1:
            content[at : at + 1] = bytes([_BYTES[rng.integers(0, len(_BYTES))]])
        elif choice == 2:
            del content[at : at + int(rng.integers(1, 40))]
        elif choice == 3:
            content[at:at] = content[at : at + int(rng.integers(1, 40))]
        elif choice == 4:
            size = int(rng.choice([1, 4, 8]))
            content[at : at + size] = rng.bytes(size)
        else:
            found = list(re.finditer(rb"-?\d+(\.\d+)?", bytes(content[at : at + 200])))
            if found:
                one = found[int(rng.integers(0, len(found)))]
                content[at + one.start() : at + one.end()] = _NUMBERS[int(rng.integers(0, len(_NUMBERS)))]
    if kind == "fastml" and len(content) > _DIGEST_AT + 64:
        content[_DIGEST_AT : _DIGEST_AT + 64] = digest_of(bytes(content)).encode()
    return bytes(content)


def run(content, kind, folder):
    """Read the content and predict; True if it was accepted. Raises what is no `ModelFileError`."""
    try:
        if kind == "fastml":
            model = fastml.load(io.BytesIO(content))
        else:
            path = Path(folder) / "model"
            path.write_bytes(content)
            model = from_lightgbm(path) if kind == "lightgbm" else from_xgboost(path)
    except ModelFileError:
        return False
    X = np.random.default_rng(0).normal(size=(40, min(model.n_features_in_, 10_000)))
    X[::7] = np.nan
    if model.n_features_in_ == X.shape[1]:
        for rows in (X, X[:1]):
            if kind == "fastml":
                rows = rows.astype(object)
                rows[:, -1] = "red"
            try:
                with np.errstate(all="ignore"):
                    model.predict(rows)
            except ValueError:  # of rows that the changed model no longer reads
                pass
            model.apply(rows) if kind != "fastml" else None
    return True


def main(seconds=60.0, seed=0):
    rng, started, n, accepted = np.random.default_rng(seed), time.monotonic(), 0, 0
    files = list(sources())
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() - started < seconds:
            name, content, kind = files[n % len(files)]
            damaged = mutated(content, kind, rng)
            Path("fuzz-last.bin").write_bytes(damaged)
            try:
                accepted += run(damaged, kind, folder)
            except Exception:
                print(f"run {n}, made of {name} with seed {seed}: the file is fuzz-last.bin")
                raise
            n += 1
    Path("fuzz-last.bin").unlink(missing_ok=True)
    print(f"{n} damaged files in {seconds:.0f} s: {accepted} read, the others refused with ModelFileError")


if __name__ == "__main__":
    main(*(float(word) if k == 0 else int(word) for k, word in enumerate(sys.argv[1:3])))
