# Each target is one command on a machine with only Python >= 3.11, a C compiler and make.
#
#   make demo       the main job on data that comes with scikit-learn
#   make test       linters, types, the documentation, kernels of all instruction sets compared, the engine's tests
#                   under each instruction set, every test
#   make bench      the benchmark tables against the rivals; make bench BENCH=boosting prints one
#   make docs       the documentation as HTML, in docs/_build/html
#   make wheel      sdist and wheels for every CPython >= 3.11 found, each tested where it is installed
#   make fuzz       a list of damaged models with the error that each gets, then new ones for FUZZ_SECONDS (60):
#                   each must be refused or predict
#   make sanitize   kernels and extensions under AddressSanitizer and UndefinedBehaviorSanitizer
#   make neon       the AArch64 kernels under user-mode emulation, compared with the serial ones
#   make warnings   our C under -Wall -Wextra -Werror with each compiler found
#   make no-openmp  the build without OpenMP, and the runtime's tests on it
#   make lint       ruff, cython-lint, clang-format, mypy
#   make ext        build what changed, in place; make env the environment only; make clean

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
BENCH ?=

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_QUIET = 1

.DEFAULT_GOAL := ext
.PHONY: fuzz demo test bench docs wheel sanitize neon warnings no-openmp lint ext env clean

# $(call environment,FOLDER): a virtual environment in which the package is used where it lies (a .pth file
# instead of an installed copy; the extensions are built beside their sources).
define environment
	@$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('fastml needs Python >= 3.11: make PYTHON=python3.x')"
	test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --upgrade "pip>=25.1"
	$(1)/bin/python tools/link_in_place.py
endef

env: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml tools/link_in_place.py
	$(call environment,$(VENV))
	$(PY) tools/requirements.py > $(VENV)/requirements.txt
	$(PY) -m pip install --group dev -r $(VENV)/requirements.txt
	touch $@

ext: env
	$(PY) setup.py -q build_ext --inplace

demo: ext
	$(PY) examples/demo.py

test: lint docs
	$(PY) tools/compare_kernels.py native 50
	$(PY) tools/compare_kernels.py neon 50
	set -e; others=$$($(PY) tools/other_instruction_sets.py); \
	for isa in $$others; do echo "FASTML_CPU=$$isa"; FASTML_CPU=$$isa $(PY) -m pytest -q tests/engine; done
	$(PY) -m pytest

lint: ext
	$(VENV)/bin/ruff check .
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cython-lint fastml
	$(VENV)/bin/clang-format --dry-run -Werror $$(find src_c tests -name '*.[ch]')
	$(VENV)/bin/mypy

bench: ext
	$(MAKE) -s .venv-bench/.ready
	.venv-bench/bin/python -m benchmarks.run $(BENCH)

.venv-bench/.ready: benchmarks/requirements.txt pyproject.toml
	$(call environment,.venv-bench)
	.venv-bench/bin/python tools/requirements.py > .venv-bench/requirements.txt
	.venv-bench/bin/python -m pip install -r .venv-bench/requirements.txt -r benchmarks/requirements.txt
	touch $@

docs: ext
	$(PY) -m pip install --group docs
	$(PY) -m sphinx -q -W -b html docs docs/_build/html
	@echo docs/_build/html/index.html

wheel: env
	$(PY) -m pip install --group package
	$(PY) tools/build_wheels.py

fuzz: ext
	$(PY) -m tests.fuzz.fuzz replay
	$(PY) -m tests.fuzz.fuzz $(or $(FUZZ_SECONDS),60)

sanitize: env
	$(PY) tools/compare_kernels.py sanitize
	$(PY) tools/test_variant.py sanitize

neon: env
	$(PY) tools/compare_kernels.py neon

warnings: env
	$(PY) tools/check_warnings.py

no-openmp: env
	$(PY) tools/test_variant.py no-openmp

clean:
	rm -rf build dist wheelhouse docs/_build *.egg-info
	find fastml -name '*.so' -delete
