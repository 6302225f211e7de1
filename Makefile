# The one command before a commit: make check
PYTHON ?= python

.PHONY: check format battery bench
check:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m tests.generate --check
	$(PYTHON) -m pytest

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m tests.generate

battery:
	$(PYTHON) -m pytest -m battery

bench:
	$(PYTHON) -m benchmarks
