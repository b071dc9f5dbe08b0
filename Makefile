# make test    lint, types and the tests (the first time it creates .venv: about 5 GB for PyTorch)
# make soak    the long runs: thousands of random files and the like
# make demo    pictures of the model that comes with the library
# make studio  paint a label map in the browser, watch the photo appear
# make docs    build the documentation into site/
# make clean   remove what was built, .venv included
#
# make test PYTHON=python3.12 takes another interpreter.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: test soak lint demo studio docs venv clean
.DELETE_ON_ERROR:

test: lint
	$(BIN)/python -m pytest

soak: $(INSTALLED)
	$(BIN)/python -m pytest -m soak

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/mypy

demo: $(INSTALLED)
	$(BIN)/python examples/demo.py

studio: $(INSTALLED)
	$(BIN)/spadework studio $(if $(MODEL),--model $(MODEL))

docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

venv: $(INSTALLED)

clean:
	rm -rf .venv build dist site

$(INSTALLED): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "spadework needs Python 3.11, 3.12 or 3.13, but there is no '$(PYTHON)' here."; \
	  echo "On Debian or Ubuntu: sudo apt install python3 python3-venv. Or name another one: make $(or $(MAKECMDGOALS),test) PYTHON=python3.12"; \
	  exit 1; } >&2
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || { \
	  echo "spadework needs Python 3.11, 3.12 or 3.13, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one: make $(or $(MAKECMDGOALS),test) PYTHON=python3.12"; \
	  exit 1; } >&2
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot create a virtual environment: its venv module is not installed."; \
	  echo "On Debian or Ubuntu: sudo apt install python3-venv"; \
	  exit 1; } >&2
	@echo "Installing spadework and its tools into .venv: about 5 GB with PyTorch, some minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@
