"""The Python code on the documentation pages runs, in the order of the page."""

import os
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [
    "index.md",
    "boosting.md",
    "ensembles.md",
    "explain.md",
    "model-files.md",
    "som.md",
    "topics.md",
    "clustering.md",
    "exchange.md",
]

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the pages lie in the source tree only")


def code_of(page):
    """The page with everything but its Python code blanked, so that line numbers in errors are the page's."""
    lines, inside = [], False
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        fence = re.match(r"```(\w*)", line)
        if fence:
            inside = fence[1] == "python"
        lines.append(line if inside and not fence else "")
    return "\n".join(lines)


@pytest.mark.parametrize("page", PAGES)
def test_code_of_page_runs(page, tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    monkeypatch.chdir(tmp_path)
    if page == "exchange.md":
        pytest.importorskip("onnx")
    names = {"__name__": "page"}
    if page == "model-files.md":
        names["model"] = fitted_model()
    exec(compile(code_of(page), os.fspath(DOCS / page), "exec"), names)
    plt.close("all")
    assert len(names) > 3


def fitted_model():
    """What this page takes for granted."""
    from sklearn.datasets import load_diabetes

    from fastml.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(max_iter=2).fit(*load_diabetes(return_X_y=True))
