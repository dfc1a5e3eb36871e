# `make demo` opens the page, `make test` runs the tests, `make test-fast` the quick ones. Each sets up .venv first.

VENV := .venv
BIN := $(VENV)/bin

# FOR=app installs what the page and the command line need; FOR=all adds the trainer and the test tools.
FOR ?= all
FILES_app := requirements.txt
FILES_all := requirements.txt train/requirements.txt tests/requirements.txt

# The versions the tests last passed with; `make upgrade` and `make constraints` update them.
CONSTRAINTS := constraints.txt

# make test T=tests/gallery runs only that folder, file or test.
T ?=

# Browsers draw 3D without a graphics card here: two at a time are so slow that tests run out of patience.
IN_TWO := $(BIN)/python -m pytest -n 2 --dist loadfile

# The first Python that works for everything; otherwise python3, which may still be enough for the page.
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.10; do \
	$$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	&& echo $$python && exit; done; echo python3)

# A page opens by itself only where there is a screen to open it on.
SCREEN := $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname -s)))

.PHONY: help env demo test test-fast lint format upgrade constraints clean venv chromium
.DEFAULT_GOAL := help

help:
	@echo 'make demo    set everything up and open the page (GRADIO_SERVER_PORT, default 7860)'
	@echo 'make test    set everything up, then run the linter and all tests (T=tests/gallery: only those tests)'
	@echo 'make test-fast  only the quick tests: no browser, no server, about a third of a second each at most'
	@echo 'make env     only set up $(VENV), with the trainer and the test tools (FOR=app: without them)'
	@echo 'make lint    only the linter; make format formats the code'
	@echo 'make upgrade  newest versions that the requirement files allow; make constraints records what is installed'
	@echo 'make clean   remove $(VENV) and what the tools keep'

env: $(VENV)/.installed-$(FOR)

demo:
	@$(MAKE) --no-print-directory env FOR=app
	@THREEDSL_OPEN_PAGE=$(if $(SCREEN),1,0) exec $(BIN)/python app.py

test:
	@$(MAKE) --no-print-directory env FOR=all
	@$(MAKE) --no-print-directory chromium
	@$(if $(T),:,$(MAKE) --no-print-directory lint)
	@$(if $(T),$(BIN)/python -m pytest $(T),$(IN_TWO) -m 'not browser'; others=$$?; $(BIN)/python -m pytest -m browser && exit $$others)

# pytest keeps compiled tests even with PYTHONDONTWRITEBYTECODE set: a third of its start-up time.
test-fast:
	@$(MAKE) --no-print-directory env FOR=all
	@PYTHONDONTWRITEBYTECODE= $(IN_TWO) -m 'not slow and not browser and not server' $(T)

# "long" is a method of tensors, which vermin mistakes for Python 2's number type.
lint: env
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/vermin --quiet --no-tips --violations --exclude long --target=3.10- app.py threedsl train benchmarks tests

format: env
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Then `make test`, and `make constraints` when everything passes.
upgrade: venv
	$(BIN)/python -m pip install --upgrade --upgrade-strategy eager $(FILES_all:%=-r %)
	@touch $(VENV)/.installed-app $(VENV)/.installed-all

constraints:
	@$(BIN)/python .ci/constraints.py > $(CONSTRAINTS).part && mv $(CONSTRAINTS).part $(CONSTRAINTS)
	@touch $(VENV)/.installed-app $(VENV)/.installed-all

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment that is incomplete, or whose Python is gone, is re-created.
venv:
	@$(BIN)/python -c 'import pip' 2>/dev/null || { \
		rm -rf $(VENV); \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' && $(PYTHON) -m venv $(VENV); \
	} || { \
		rm -rf $(VENV); \
		echo "No environment could be made with $(PYTHON): Python 3.10 to 3.12 with its venv module is needed" \
			"(Debian: apt install python3-venv). To choose another one: make env PYTHON=python3.12" >&2; \
		exit 2; \
	}

$(VENV)/.installed-app: $(FILES_app) $(CONSTRAINTS) | venv
	$(BIN)/python -m pip install -c $(CONSTRAINTS) $(FILES_app:%=-r %)
	@touch $@

$(VENV)/.installed-all: $(FILES_all) $(CONSTRAINTS) | venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || { \
		echo "The trainer and the tests need Python 3.10 to 3.12, since Open3D has no wheel for newer ones:" \
			"make clean, then make env PYTHON=python3.12" >&2; \
		exit 2; \
	}
	$(BIN)/python -m pip install -c $(CONSTRAINTS) $(FILES_all:%=-r %)
	@touch $(VENV)/.installed-app $@

# tests/browser.py knows where a Chromium may be; the tests that need one ask it too.
chromium:
	@if $(BIN)/python tests/browser.py >/dev/null 2>&1; then :; \
	elif [ -z "$$CHROMIUM" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo 'Installing Chromium with apt-get for the browser tests.'; \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get update && apt-get install -y --no-install-recommends chromium fonts-liberation; } >/dev/null \
			|| echo 'Chromium could not be installed.'; \
	else \
		$(BIN)/python tests/browser.py || :; \
	fi
