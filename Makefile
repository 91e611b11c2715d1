# Each target sets up what it needs: a .venv beside the code with the exact versions of requirements.lock.
PYTHON ?= python3.11
ifeq (,$(shell command -v $(PYTHON)))
PYTHON := python3
endif
VENV := .venv
IN_VENV := $(VENV)/bin/
READY := $(VENV)/.ready

.PHONY: help study test lab lock bench compressai clean

help:
	@echo "make study   run the demo and the photos study and print where their reports are"
	@echo "make test    lint, then every test, in two processes"
	@echo "make lab     open JupyterLab on notebooks/00_start_here.ipynb"
	@echo "make bench   speed and memory beside other libraries, in an environment of its own"
	@echo "make compressai   learned codecs beside CompressAI's own, in an environment of its own"
	@echo "make lock    choose the newest versions again and write them down (needs uv)"
	@echo "make clean   remove the environments; runs and reports stay"

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is wanted; make PYTHON=... names it")'
	test -x $(IN_VENV)python || $(PYTHON) -m venv $(VENV)
	$(IN_VENV)python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(IN_VENV)python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

study: $(READY)
	$(IN_VENV)jpegstudy run demo
	$(IN_VENV)jpegstudy run photos

test: $(READY)
	$(IN_VENV)ruff check .
	$(IN_VENV)ruff format --check .
	$(IN_VENV)python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lab: $(READY)
	$(IN_VENV)jupyter lab notebooks/00_start_here.ipynb

bench: .bench-venv/.ready
	.bench-venv/bin/jpegstudy bench study --out outputs/bench-study.csv
	.bench-venv/bin/jpegstudy bench jpeg --out outputs/bench-jpeg.csv
	.bench-venv/bin/jpegstudy bench readings --out outputs/bench-readings.csv
	.bench-venv/bin/jpegstudy bench networks --out outputs/bench-networks.csv
	.bench-venv/bin/jpegstudy bench defenses --out outputs/bench-defenses.csv
	.bench-venv/bin/jpegstudy bench learned --out outputs/bench-learned.csv
	.bench-venv/bin/jpegstudy bench explore --out outputs/bench-explore.csv
	.bench-venv/bin/jpegstudy bench memory --out outputs/bench-memory.csv

.bench-venv/.ready: requirements-bench.lock pyproject.toml
	test -x .bench-venv/bin/python || $(PYTHON) -m venv .bench-venv
	.bench-venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.lock
	.bench-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

compressai: $(READY) .compressai-venv/.ready
	$(IN_VENV)jpegstudy bench compressai --python .compressai-venv/bin/python --out outputs/bench-compressai.csv

.compressai-venv/.ready: Makefile
	test -x .compressai-venv/bin/python || $(PYTHON) -m venv .compressai-venv
	.compressai-venv/bin/python -m pip install --quiet --disable-pip-version-check compressai==1.2.8
	@touch $@

lock:
	uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --upgrade --no-header --no-annotate -o requirements.lock
	uv pip compile pyproject.toml --extra bench --universal --python-version 3.11 --upgrade --no-header --no-annotate -o requirements-bench.lock
	python3 tools/environment.py

clean:
	rm -rf $(VENV) .bench-venv .compressai-venv
