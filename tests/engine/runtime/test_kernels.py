"""Choice of the instruction set: at import, by FASTML_CPU, in process."""

import os
import subprocess
import sys

import pytest

from fastml._engine.runtime import kernels


def in_new_process(code, **variables):
    environment = {**os.environ, **variables}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


@pytest.fixture
def selection():
    """Leaves the instruction set as it was."""
    before = kernels.selected()
    yield
    kernels.select(before)


def test_serial_is_always_there_and_last():
    assert kernels.available()[-1] == "serial"
    assert set(kernels.available()) <= set(kernels.known())


def test_best_is_chosen_without_the_variable():
    code = "from fastml._engine.runtime import kernels as k; print(k.selected() == k.available()[0])"
    result = in_new_process(code, FASTML_CPU="")
    assert result.stdout.strip() == "True", result.stderr


@pytest.mark.parametrize("isa", kernels.available())
def test_variable_forces_an_instruction_set(isa):
    code = "from fastml._engine.runtime import kernels; print(kernels.selected())"
    result = in_new_process(code, FASTML_CPU=isa)
    assert result.stdout.strip() == isa, result.stderr


@pytest.mark.parametrize("wrong", ["sse9", "AVX2 ", "serial,avx2", "é"])
def test_unknown_value_names_the_valid_ones(wrong):
    result = in_new_process("import fastml", FASTML_CPU=wrong)
    assert result.returncode != 0
    assert "ValueError: FASTML_CPU=" in result.stderr
    assert "not an instruction set of fastml; valid here: " + ", ".join(kernels.available()) in result.stderr


def test_unsupported_value_is_told_apart():
    missing = set(kernels.known()) - set(kernels.available())
    assert missing, "no machine runs both AVX and NEON"
    for isa in missing:
        with pytest.raises(ValueError, match="not supported by this processor, operating system or build"):
            kernels.select(isa)


@pytest.mark.parametrize("isa", kernels.available())
def test_select_switches_the_whole_process(isa, selection):
    kernels.select(isa)
    assert kernels.selected() == isa


def test_failed_select_changes_nothing(selection):
    before = kernels.selected()
    with pytest.raises(ValueError, match="name='mmx'"):
        kernels.select("mmx")
    assert kernels.selected() == before
