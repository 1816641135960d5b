"""The driver that compares instruction sets (make neon, make sanitize) knows every kernel of the table."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# what a form of traversal costs on an instruction set, for the choice between them: meant to differ
COSTS = {"traverse_step_ns", "traverse_level_ns"}
TABLE = HERE.parent.parent / "src_c" / "kernels.h"


@pytest.mark.skipif(not TABLE.exists(), reason="an installed package has no C sources")
def test_every_entry_of_the_table_has_a_case():
    text = TABLE.read_text()
    entries = set(re.findall(r"\(\*(\w+)\)\(", text[text.index("typedef struct fastml_kernels") :]))
    cases = set()
    for file in HERE.glob("compare_*.c"):
        table = file.read_text().split("const kernel_case ", 1)[1]
        cases |= set(re.findall(r'\{"(\w+)",', table))
    assert entries - COSTS == cases
