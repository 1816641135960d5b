"""The driver that compares instruction sets (make neon, make sanitize) knows every kernel of the table."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# what a form of traversal costs on an instruction set, for the choice between them: meant to differ
COSTS = {"traverse_step_ns", "traverse_level_ns", "single_row_line_ns"}
SOURCES = HERE.parent.parent / "src_c"


@pytest.mark.skipif(not SOURCES.exists(), reason="an installed package has no C sources")
@pytest.mark.parametrize(("engine", "kind"), [("tree", "kernel_case"), ("dense", "dense_case")])
def test_every_entry_of_the_table_has_a_case(engine, kind):
    text = (SOURCES / engine / "kernels.h").read_text()
    entries = set(re.findall(r"\(\*(\w+)\)\(", text[text.index("typedef struct fastml_") :]))
    cases = set()
    for file in HERE.glob("compare_*.c"):
        tables = file.read_text().split(f"const {kind} ", 1)
        if len(tables) == 2:
            cases |= set(re.findall(r'\{"(\w+)",', tables[1]))
    assert entries - COSTS == cases
