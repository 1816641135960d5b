"""What show_config prints."""

import fastml
from fastml._engine.runtime import kernels, openmp
from fastml._engine.runtime.threads import resolve_n_jobs


def test_printed_facts(capsys):
    fastml.show_config()
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    facts = {name.strip(): value.strip() for name, value in lines.items()}
    assert facts["fastml"] == fastml.__version__
    assert facts["instruction set"].split()[0] == kernels.selected()
    for isa in kernels.available():
        assert isa in facts["instruction set"]
    assert facts["OpenMP"].startswith(openmp.runtime() or "none")
    assert facts["threads"] == str(resolve_n_jobs(None))
    for name in ("numpy", "scipy", "scikit-learn"):
        assert facts[name][0].isdigit()


def test_instruction_set_in_use_is_shown(capsys):
    before = kernels.selected()
    try:
        kernels.select("serial")
        fastml.show_config()
    finally:
        kernels.select(before)
    assert "serial (this machine runs:" in capsys.readouterr().out
