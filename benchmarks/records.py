"""Measurements on disk, one JSON line each, written as soon as they are made: a run can be resumed."""

import json
import os
from pathlib import Path

KEY = ("library", "mode", "set", "leaves", "threads", "rounds", "rows", "seed")


class Records:
    """The measurements of one benchmark. A later line replaces an earlier one with the same key."""

    def __init__(self, path):
        self.path = Path(path)
        self._lines = {}
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                self._keep(json.loads(line))

    def _keep(self, record):
        self._lines[tuple(record[k] for k in KEY)] = record

    def get(self, **key):
        return self._lines.get(tuple(key[k] for k in KEY))

    def add(self, record):
        self._keep(record)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def forget(self, unwanted):
        """Drop the measurements of which unwanted(record) is true, on disk too."""
        self._lines = {key: r for key, r in self._lines.items() if not unwanted(r)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".draft")
        draft.write_text("".join(json.dumps(r) + "\n" for r in self._lines.values()))
        os.replace(draft, self.path)

    def select(self, **what):
        """The measurements that agree with `what`, failed ones too."""
        return [r for r in self._lines.values() if all(r[k] == v for k, v in what.items())]
