import pytest

from fastml._engine.runtime import cache


@pytest.fixture
def caches(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_CACHES", tmp_path)
    cache.first_level_bytes.cache_clear()
    yield tmp_path
    cache.first_level_bytes.cache_clear()


def add(folder, index, **told):
    own = folder / f"index{index}"
    own.mkdir()
    for name, text in told.items():
        (own / name).write_text(text + "\n")


def test_reads_the_data_cache_of_the_first_level(caches):
    add(caches, 0, level="1", type="Instruction", size="64K")
    add(caches, 1, level="1", type="Data", size="32K")
    add(caches, 2, level="2", type="Unified", size="1024K")
    assert cache.first_level_bytes() == 32768


@pytest.mark.parametrize("size", [{}, {"size": "xK"}, {"size": "1M"}])
def test_unknown(caches, size):
    add(caches, 0, level="1", type="Data", **size)
    assert cache.first_level_bytes() == 49152
