# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.

PRODUCTS := lease-dump refreshd refresh-storm workos-emulator
RELEASE := .build/release
LIBRARY := $(RELEASE)/librefreshclient.so
PREFIX := /usr/local
SCHEDULES := 100000
SEED := 1
TORTURE_SECONDS := 60
ROUNDS := 50

# Run one after another: tests that block threads, or that load the machine, starve those of a server in the same process.
GROUPS_OF_TESTS := WorkOSEmulatorTests RefreshClientTests 'LMDBTests|ProcessSupportTests' \
	'LeaseTableTests|WorkOSTests|LeaseDumpTests|RefreshDaemonTests|LeaseSimulatorTests|FuzzTests' HostileFilesTests \
	'AuthKitTests|AuthKitMiddlewareTests'

.PHONY: help demo build library install test test-browser docs nightly simulation space fuzz sanitize model torture bench \
	bench-quick instructions lint format clean

help: ## Lists the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Shows 128 callers in 16 processes share one refresh, and survive the death of the one who makes it
	@scripts/demo $(RELEASE)

build: ## Builds the programs, optimised
	@scripts/install-dependencies build
	@echo "Building the programs (the first time takes several minutes)"
	@for product in $(PRODUCTS); do swift build --configuration release --product $$product || exit 1; done

library: ## Builds librefreshclient.so, for C, Python, PHP, Ruby, Node and the rest
	@scripts/install-dependencies build
	@swift build --configuration release --product refreshclient
	@scripts/check-library $(LIBRARY)

install: ## Installs what `make library` has built, header and pkg-config file: PREFIX=/usr/local DESTDIR= LIBDIR=
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" LIBDIR="$(LIBDIR)" scripts/install-library $(LIBRARY)

test: ## Runs all tests that end within minutes
	@scripts/install-dependencies test
	@echo "Building the tests (the first time takes several minutes)"
	@swift build --build-tests
	@for group in $(GROUPS_OF_TESTS); do swift test --skip-build --filter "$$group" || exit 1; done
	@echo "Running the storms (about a minute and a half)"
	@swift test --skip-build --filter RefreshStormTests
	@$(MAKE) --no-print-directory torture
	@Tests/PythonSDK/run_workos_sdk.py
	@$(MAKE) --no-print-directory library
	@Tests/CInterface/run $(LIBRARY)
	@Tests/AuthKitBrowser/run
	@$(MAKE) --no-print-directory model
	@$(MAKE) --no-print-directory simulation
	@$(MAKE) --no-print-directory space
	@scripts/check-readme .build/debug
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory sanitize

fuzz: ## Fuzzes every parser of foreign bytes for FUZZ seconds in total (60)
	@fuzz/run $(or $(FUZZ),60)

sanitize: ## Runs the tests of the core under ThreadSanitizer and AddressSanitizer
	@scripts/install-dependencies test
	@scripts/sanitize thread
	@scripts/sanitize address

nightly: test ## Runs the long forms as well: hours
	@LMDB_KILL_ROUNDS=60000 swift test --skip-build --filter LMDBTests
	@REFRESHD_LONG_TESTS=1 swift test --skip-build --filter RefreshStormTests
	@swift test --skip-build --filter RefreshTortureTests
	@$(MAKE) --no-print-directory test-browser
	@$(MAKE) --no-print-directory model MODEL=--long
	@$(MAKE) --no-print-directory simulation SCHEDULES=5000000 SEED=1000001
	@$(MAKE) --no-print-directory space LOAD=long
	@$(MAKE) --no-print-directory torture TORTURE_SECONDS=1800
	@REFRESHD_LONG_TESTS=1 swift test --skip-build --filter HostileFilesTests
	@$(MAKE) --no-print-directory fuzz FUZZ=14400

test-browser: ## Loads a page of 12 parallel parts on an expired session, in headless Chromium: ROUNDS=50
	@scripts/install-dependencies browser
	@swift build --product workos-emulator
	@swift build --product hummingbird-authkit
	@Tests/AuthKitBrowser/run --browser --rounds $(ROUNDS)

docs: ## Builds the documentation of RefreshClient and AuthKit; any warning is an error
	@scripts/install-dependencies build
	@scripts/check-snippets
	@for target in RefreshClient AuthKit; do REFRESHD_DOCUMENTATION=1 swift package generate-documentation \
		--target $$target --warnings-as-errors || exit 1; done

simulation: ## Runs the protocol on a simulated machine: SCHEDULES=100000 SEED=1
	@swift build --configuration release --product lease-simulation
	@$(RELEASE)/lease-simulation --schedules $(SCHEDULES) --seed $(SEED)

space: ## Publishes at a steady rate and checks how large the table grows; LOAD=long takes two minutes
	@swift build --configuration release --product lease-load
	@if [ "$(LOAD)" = long ]; then $(RELEASE)/lease-load plateau; \
	else $(RELEASE)/lease-load plateau --rate 2000 --retention 3 --seconds 12; fi
	@$(RELEASE)/lease-load full-map --map-size 8388608 --rate 1000 --retention 3 --seconds 6
	@$(RELEASE)/lease-load stopped-reader --map-size 33554432 --rate 1000 --retention 3 --seconds 6

model: ## Checks the protocol's model with spin; MODEL=--long takes longer
	@scripts/install-dependencies test
	@model/check $(MODEL)

torture: ## Kills and stops workers for TORTURE_SECONDS (60), wherever they are, and checks what must hold
	@swift build --product workos-emulator
	@swift build --product refresh-torture
	@for place in writing opening sending; do .build/debug/refresh-torture --scenario stopped-$$place || exit 1; done
	@.build/debug/refresh-torture --seconds $(TORTURE_SECONDS)

# Servers that link the library: folders of Tests/Hosts.
HOSTS_IN_CI := gunicorn php-fpm c
HOSTS := $(HOSTS_IN_CI) gunicorn-gthread uwsgi puma unicorn node
HOST_ROUNDS := 20

.PHONY: test-python test-hosts test-hosts-ci hosts-together

test-python: ## Tests the Python package: builds its wheel and installs it alone
	@$(MAKE) --no-print-directory library
	@swift build --product workos-emulator
	@WORKOS_EMULATOR=$(CURDIR)/.build/debug/workos-emulator bindings/python/test $(RELEASE)/librefreshclient.so

test-hosts: ## Refreshes in real prefork servers, each alone and all at once, with and without a death (minutes)
	@$(MAKE) --no-print-directory hosts-together HOSTS_TO_RUN="$(HOSTS)" HOST_PACKAGES=hosts

test-hosts-ci: ## The same with the servers that CI runs
	@$(MAKE) --no-print-directory hosts-together HOSTS_TO_RUN="$(HOSTS_IN_CI)" HOST_PACKAGES=hosts-ci

hosts-together:
	@scripts/install-dependencies $(HOST_PACKAGES)
	@$(MAKE) --no-print-directory library
	@for product in workos-emulator lease-dump; do swift build --configuration release --product $$product || exit 1; done
	@Tests/Hosts/run --rounds $(HOST_ROUNDS) $(HOSTS_TO_RUN)
	@Tests/Hosts/run --rounds $(HOST_ROUNDS) --all $(HOSTS_TO_RUN)

# What is not there is not measured, and the benchmark says so.
MEASURED = $(addprefix --library ,$(wildcard $(RELEASE)/librefreshclient.so)) \
	$(addprefix --refreshd ,$(wildcard $(RELEASE)/refreshd))

bench: ## Measures every contender, and writes docs/performance.md: half an hour, on a machine that does nothing else
	@scripts/install-dependencies bench
	@Benchmarks/run $(MEASURED)

bench-quick: ## Tries the benchmark out in a minute
	@scripts/install-dependencies bench
	@Benchmarks/run --quick $(MEASURED)

instructions: ## Fails where a hot path takes 5 percent more instructions than Benchmarks/instructions.json says
	@scripts/install-dependencies bench
	@Benchmarks/instructions --check --library $(RELEASE)/librefreshclient.so

lint: ## Checks the formatting
	@swift format lint --strict --recursive --parallel Sources Tests examples fuzz Package.swift

format: ## Formats everything
	@swift format --in-place --recursive --parallel Sources Tests examples fuzz Package.swift

clean: ## Removes what was built
	@swift package clean
