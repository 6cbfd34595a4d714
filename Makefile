# One command a chore, the same here and in CI. `./run` installs the system packages and calls this.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
FUZZ_SECONDS ?= 60
# A suite that hangs must fail, not wait for somebody to notice.
SUITE_TIMEOUT ?= 1200
# Of the suites in Node.js and Python, which wait more than they compute.
TEST_PROCESSES ?= $(shell echo $$(($$(nproc) + 1)))

py := .venv/bin/python
bin := node_modules/.bin
dev := build/dev
sources = git ls-files --cached --others --exclude-standard

.PHONY: help build native js python test test-core test-node test-python test-packaging test-dist test-matrix \
  test-matrix-short test-long demo bench lint analyze lint-cpp lint-js lint-python lint-shell format sanitize sanitize-short fuzz dist reproduce clean

help:
	@echo "make build | test | test-long | test-matrix | test-dist | demo | bench | lint | analyze | format | sanitize | fuzz | dist | reproduce | clean"

# --- build -----------------------------------------------------------------------------------------------------------

build: native python js

node_modules/.installed: package.json package-lock.json
	npm ci --ignore-scripts --loglevel=error
	@touch $@

.venv/.installed: requirements-dev.txt
	[ -x $(py) ] || $(PYTHON) -m venv .venv
	$(py) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# Ninja configures again by itself when a CMakeLists.txt changes.
$(dev)/build.ninja: CMakePresets.json node_modules/.installed .venv/.installed
	cmake --preset dev
	@touch $@

native: $(dev)/build.ninja
	cmake --build --preset dev
	cmake --install $(dev) --component node --prefix . >/dev/null
	cmake --install $(dev) --component python --prefix python >/dev/null

# From nothing, since tsc leaves what has been made of sources that are gone.
js: node_modules/.installed
	rm -rf js/dist
	$(bin)/tsc -p js/tsconfig.json
	node js/join.mjs

# The native module is already in python/ipcbridge (see native), so the editable install compiles nothing.
.venv/.editable: pyproject.toml package.json .venv/.installed
	$(py) -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps \
	  --config-settings=wheel.cmake=false --config-settings=editable.mode=inplace --editable .
	@touch $@

python: native .venv/.editable

# --- test ------------------------------------------------------------------------------------------------------------

# All suites run even if one fails; a suite without tests is a failure.
test: build
	@failed=; for suite in core packaging node python matrix-short; do \
	  echo "== $$suite"; $(MAKE) test-$$suite || failed="$$failed $$suite"; done; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; fi; echo "all suites passed"

test-core:
	@timeout $(SUITE_TIMEOUT) ctest --test-dir $(dev) --no-tests=error --output-on-failure -j 2 --progress

test-node:
	@tests/packaging/has_tests.sh 'test.*js' tests/node tests/values
	@timeout $(SUITE_TIMEOUT) node --test --test-concurrency=$(TEST_PROCESSES) \
	  $$(find tests/node tests/values -name '*.test.*js' | sort)

test-python:
	@tests/packaging/has_tests.sh 'py' tests/python tests/values tests/cross
	@timeout $(SUITE_TIMEOUT) $(py) -m pytest -q -n $(TEST_PROCESSES) --dist loadfile

test-packaging:
	@for script in tests/packaging/check_*.sh; do echo "$$script"; $$script; done
	@node --test $$(find tests/packaging -name '*.test.*js')

# The same binaries in every runtime, which writes the tables of docs/compatibility.md. They are those that `make dist` has left in
# dist (or in $IPCBRIDGE_DIST); without such, this checkout's, and no other Python.
test-matrix: build build/release/venv/.installed
	@tests/matrix/install.sh whole
	@IPCBRIDGE_TEST_MATRIX=whole tests/matrix/packages.sh timeout $(SUITE_TIMEOUT) \
	  $(py) -m pytest -q -n $(TEST_PROCESSES) --dist loadgroup tests/matrix --write-table

test-matrix-short:
	@tests/matrix/install.sh
	@timeout $(SUITE_TIMEOUT) $(py) -m pytest -q -n $(TEST_PROCESSES) --dist loadgroup tests/matrix

# The packages that `make dist` has left in dist, or in $IPCBRIDGE_DIST: installed, built into programs and run as users do. What
# carries a shared module is made for it.
test-dist: tests/dist/node_modules/.installed build/dist-tools/.installed
	IPCBRIDGE_DIST=build/with-module $(MAKE) dist \
	  DIST_FLAGS="--test-module --machines linux-x64-glibc --pythons $$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
	@timeout 3600 node --test --test-concurrency=1 $$(find tests/dist -name '*.test.mjs' -not -path '*/node_modules/*' | sort)

tests/dist/node_modules/.installed: tests/dist/package.json tests/dist/package-lock.json
	cd tests/dist && npm ci --ignore-scripts --loglevel=error
	@touch $@

build/dist-tools/.installed: tests/dist/requirements.txt
	[ -x build/dist-tools/bin/python ] || $(PYTHON) -m venv build/dist-tools
	build/dist-tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/dist/requirements.txt
	@touch $@

# What must leave nothing behind, and what takes bounded memory, as often as takes long. -rP tells the figures.
test-long: export IPCBRIDGE_TEST_ARRAYS = 1000000
test-long: export IPCBRIDGE_TEST_BUILD = 1
test-long: export IPCBRIDGE_TEST_CANCELS = 100000
test-long: export IPCBRIDGE_TEST_CYCLES = 1000000
test-long: export IPCBRIDGE_TEST_ITEMS = 10000000
test-long: build
	@node --test --test-concurrency=$(TEST_PROCESSES) tests/node/many_cancels.test.mjs tests/node/many_references.test.mjs \
	  tests/packaging/npm_build.test.mjs
	@$(py) -m pytest -q -rP -n $(TEST_PROCESSES) --timeout 7200 tests/cross/test_{long_streams,many_arrays}.py \
	  tests/{cross,python}/test_many_{cancels,references}.py

# --- show ------------------------------------------------------------------------------------------------------------

demo: build
	@node examples/demo/demo.mjs

bench: build
	bench/install.sh
	node bench/run.mjs

# --- check -----------------------------------------------------------------------------------------------------------

lint: lint-shell lint-cpp lint-js lint-python

lint-shell:
	$(sources) | xargs awk 'FNR == 1 && /^#!.*sh$$/ { print FILENAME }' | xargs shellcheck

tidy_checks = -clang-analyzer-*

# clang-tidy needs clang's own flags: the clang preset is configured for its compile commands and never built.
lint-cpp: node_modules/.installed .venv/.installed
	$(sources) '*.cpp' '*.hpp' | xargs clang-format --dry-run -Werror
	tests/packaging/check_layers.sh
	tests/packaging/check_platform.sh
	mkdir -p build
	cmake --preset clang >build/clang.log 2>&1 || { cat build/clang.log; exit 1; }
	.venv/bin/run-clang-tidy.py -clang-tidy-binary .venv/bin/clang-tidy -quiet -p build/clang -checks='$(tidy_checks)' "$$PWD/(core|bindings)/" >build/clang-tidy.log 2>&1 || \
	  { sed 's/\x1b\[[0-9;]*m//g' build/clang-tidy.log | grep 'error:' | sort -u; exit 1; }

# The static analyzer takes a third of clang-tidy's time, so `make lint` leaves it out.
analyze: tidy_checks =
analyze: lint-cpp

lint-js: node_modules/.installed
	$(bin)/biome ci --colors=off --max-diagnostics=50 .
	$(bin)/tsc -p js/tsconfig.json --noEmit

lint-python: native .venv/.editable
	$(py) -m ruff check .
	$(py) -m ruff format --check .
	$(py) -m mypy
	cd python && ../$(py) -m mypy.stubtest --mypy-config-file ../pyproject.toml ipcbridge._native

format: node_modules/.installed .venv/.installed
	$(sources) '*.cpp' '*.hpp' | xargs clang-format -i
	$(bin)/biome check --write .
	$(py) -m ruff check --fix .
	$(py) -m ruff format .

sanitize: build
	tests/sanitize.sh

sanitize-short:
	tests/sanitize.sh short

fuzz:
	FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh
	IPCBRIDGE_FUZZ_ROUNDS=$$(($(FUZZ_SECONDS) * 30)) $(py) -m pytest -q --timeout=0 tests/values/test_hostile_tables.py

# --- release ---------------------------------------------------------------------------------------------------------

build/release/venv/.installed: release/requirements.txt
	[ -x $(@D)/bin/python ] || $(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r release/requirements.txt
	@touch $@

# What is released, into dist/, by a compiler of its own (docs/releasing.md).
# DIST_FLAGS="--machines linux-x64-glibc --pythons 3.11" makes only these.
dist: js build/release/venv/.installed
	PATH="$$PWD/build/release/venv/bin:$$PATH" build/release/venv/bin/python release/dist.py $(DIST_FLAGS)

# Whether a second build gives the same bytes.
reproduce:
	release/reproduce.sh DIST_FLAGS="$(DIST_FLAGS)"

clean:
	rm -rf build dist js/dist js/headers js/native python/ipcbridge/_native*.so .venv/.editable
