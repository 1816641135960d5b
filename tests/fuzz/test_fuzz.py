"""The corpus, and a few new damages of each seed, the same every time.

``make fuzz`` tries as many as the time allows.
"""

import json
import random
from collections import defaultdict

import pytest

from .fuzz import CORPUS, case, main, pattern
from .seeds import seeds

SEEDS = seeds()
CASES = defaultdict(list)
for _name, _edits in json.loads(CORPUS.read_text()):
    CASES[_name].append(_edits)


def test_corpus_names_seeds_that_are_there():
    assert set(CASES) <= {own.name for own in SEEDS}


@pytest.mark.parametrize("own", SEEDS, ids=lambda own: own.name)
def test_damage_is_refused_or_harmless(own):
    assert own.run([]) is None
    for edits in CASES[own.name]:
        own.run(edits)
    rng = random.Random(own.name)
    errors = [own.run(own.damage(rng)) for _ in range(25)]
    assert any(errors)


def test_corpus_is_refused_in_many_ways():
    by_name = {own.name: own for own in SEEDS}
    errors = [by_name[name].run(edits) for name, edits in json.loads(CORPUS.read_text())]
    assert len({pattern(error) for error in errors if error}) > 0.9 * len(errors) > 300


def test_cases_are_the_same_every_time():
    assert [case(SEEDS, 3, n)[1] for n in range(99)] == [case(SEEDS, 3, n)[1] for n in range(99)]


def test_a_run_ends_with_its_report(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    last = tmp_path / "last"
    last.write_bytes(bytes(8))
    assert main(["run", "0", "1", str(last)]) is None
    assert "256 damaged models" in capfd.readouterr().out
