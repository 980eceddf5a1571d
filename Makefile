# All a newcomer needs: `make demo` and `make test`. Everything else is for those who change the code.
.DEFAULT_GOAL := help
SHELL := /bin/bash
JOBS ?= $(shell nproc)

# ---- see it, check it ----------------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: setup binary  ## Start a private PostgreSQL, fill it with tenants, and watch their databases follow (Ctrl-C ends it)
	@build/release/tributary demo $(ARGS)

.PHONY: test
test: setup build  ## Build everything and run every test
	@cmake --build --preset release -j $(JOBS) --target headers
	tests/run build/release

# ---- work on it ----------------------------------------------------------------------------------------------------------------------

.PHONY: setup
setup:  ## Install what the build needs, from Debian and npm (root or sudo; asks for nothing when nothing is missing)
	@scripts/setup

.PHONY: binary
binary:  ## Build build/release/tributary alone
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS) --target tributary

.PHONY: build
build:  ## Build the release preset: the binary, the tests, the benchmarks
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS)

.PHONY: sanitize
sanitize: setup  ## All tests under ASan+UBSan, the concurrent ones under TSan
	scripts/sanitize $(JOBS)

.PHONY: fuzz
fuzz: setup  ## Fuzz every parser of foreign bytes, 10 minutes each, as many at once as there are processors (ARGS="SECONDS [TARGET...]")
	scripts/fuzz $(or $(ARGS),600)

.PHONY: bench
bench: setup build  ## Benchmarks, as ratios against their baselines in the same run
	bench/run $(ARGS)

.PHONY: torture
torture: setup build  ## Kills, stops, a bad network, fail-overs, at random moments: every destination still equals its source (ARGS: scripts/torture; FILTER: some of it)
	$(if $(ARGS),scripts/torture $(ARGS),TRIBUTARY_OVERLOAD_SECONDS=$${TRIBUTARY_OVERLOAD_SECONDS:-300} tests/with-postgres build/release/tests/torture --gtest_filter='$(or $(FILTER),-Rounds.*)')

.PHONY: mutations
mutations: setup  ## Take the defences of docs/security.md out, one after the other: their tests must fail (an hour; ARGS: names of tests/mutations)
	scripts/mutate $(ARGS)

.PHONY: test-upgrade
test-upgrade: setup build  ## A rolling restart under load from the program of an earlier revision to this one (ARGS: the revision)
	scripts/test-upgrade $(ARGS)

.PHONY: format
format:  ## Rewrite the C++ in place as .clang-format says
	scripts/sources | xargs -0 clang-format-19 -i

.PHONY: lint
lint: setup  ## clang-tidy over src/, tsc and eslint over the dashboard, and the repository's own rules
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS)
	find src -name '*.cpp' -print0 | xargs -0 -n 2 -P $(JOBS) clang-tidy-19 --quiet -p build/release
	npm --prefix dashboard run --silent check
	tests/repository/includes
	tests/repository/format

.PHONY: clean
clean:  ## Remove everything that was built
	rm -rf build

.PHONY: help
help:  ## This list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'
