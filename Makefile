# Each target is one command on a machine with Python >= 3.11, a C compiler and make.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: env ext clean
.DEFAULT_GOAL := ext

env: $(VENV)/.ready

# The package is used where it lies: a .pth file instead of an installed copy, extensions built beside their source.
$(VENV)/.ready: pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q --upgrade "pip>=25.1"
	$(PY) -m pip install -q --group dev "scikit-learn>=1.6" "scipy>=1.13" "safetensors>=0.4.3"
	$(PY) -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'fastml-in-place.pth').write_text(str(pathlib.Path.cwd()))"
	touch $@

ext: env
	$(PY) setup.py -q build_ext --inplace

clean:
	rm -rf build dist wheelhouse *.egg-info
	find fastml -name '*.so' -delete
