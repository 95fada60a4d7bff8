# Everything from a fresh clone: `make demo` shows the main job, `make test` proves it. Needs Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := data/demo
INDEX := data/demo-library
# Tests that need what only their own targets install.
OF_THEIR_OWN := $(foreach tests,models training test_notebooks.py,--ignore tests/$(tests))

.PHONY: demo test test-server test-models test-notebooks test-training lint format notebooks docs-pictures clean

demo: $(VENV)/demo.installed
	$(BIN)/python scripts/make_demo_videos.py $(DEMO)
	$(BIN)/reprise ingest $(DEMO)/library --library $(INDEX)
	$(BIN)/reprise query $(DEMO)/queries --library $(INDEX)
	@echo
	@echo "What was planted, and what was found (seconds of the query / of the reference):"
	@$(BIN)/reprise query $(DEMO)/queries --library $(INDEX) --json > $(DEMO)/found.json
	@$(BIN)/python scripts/check_demo.py $(DEMO) $(DEMO)/found.json

test: $(VENV)/test.installed
	$(BIN)/python -m pytest -m "not server and not ray" $(OF_THEIR_OWN)

# The same claims on a standalone Milvus server, which takes seconds over what an embedded library does at once; and on Ray.
test-server: $(VENV)/server.installed
	$(BIN)/python -m pytest -m "server or ray" $(OF_THEIR_OWN)

# The published networks, with random weights; torch, torchvision and timm are gigabytes.
test-models: $(VENV)/models.installed
	$(BIN)/python -m pytest tests/models

test-notebooks: $(VENV)/notebooks.installed
	$(BIN)/python -m pytest tests/test_notebooks.py

# The training of the descriptor.
test-training: $(VENV)/train.installed
	$(BIN)/python -m pytest tests/training

lint: $(VENV)/lint.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/lint.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Executes the notebooks and keeps their outputs in them.
notebooks: $(VENV)/notebooks.installed
	$(BIN)/python scripts/execute_notebooks.py notebooks/*.ipynb

# Needs a Chromium: the system's, or the one of `playwright install chromium`.
docs-pictures: $(VENV)/docs.installed
	$(BIN)/python scripts/make_docs_pictures.py docs/pictures

clean:
	rm -rf $(VENV) $(DEMO) $(INDEX) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Reprise needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/%.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS_$*)]'
	@touch $@

EXTRAS_demo := demo
EXTRAS_test := demo,test,bench,serve,edit,pictures,notebooks,watch
EXTRAS_server := $(EXTRAS_test),server,ray
EXTRAS_models := demo,test,bench,serve,models,openvino,server
# Typed libraries that only tests or the demo use are checked too.
EXTRAS_lint := demo,test,bench,serve,edit,plot,pictures,lint
EXTRAS_notebooks := demo,test,models,notebooks
EXTRAS_docs := demo,serve,docs
EXTRAS_train := demo,test,bench,serve,train
