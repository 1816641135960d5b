"""Every extension module has a stub beside it, and the two name the same things."""

import ast
import importlib
from pathlib import Path

import pytest

import fastml

PACKAGE = Path(fastml.__file__).resolve().parent
# an installed package has the stubs but not the sources, so both are looked at
STUBS = sorted(
    {path.with_suffix(".pyi") for pattern in ("*.pyx", "*.pyi") for path in PACKAGE.rglob(pattern)}
)


def stub_names(path):
    """Public names that a stub defines; imports are not definitions."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets}
    return {name for name in names if not name.startswith("_")}


def defined_names(module):
    """Public functions and classes that a module defines itself."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
    }


def test_there_are_extensions():
    assert len(STUBS) > 3


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.stem)
def test_stub_matches_module(stub):
    assert stub.exists(), f"{stub.stem}.pyx has no stub"
    name = ".".join(["fastml", *stub.relative_to(PACKAGE).with_suffix("").parts])
    module = importlib.import_module(name)
    promised = stub_names(stub)
    assert promised == {n for n in promised if hasattr(module, n)}, "the stub names what the module has not"
    assert defined_names(module) <= promised, "the module has public names that the stub has not"
