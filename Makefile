# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.

PRODUCTS := lease-dump refreshd refresh-storm workos-emulator
DEBUG := .build/debug
RELEASE := .build/release
LIBRARY := $(RELEASE)/librefreshclient.so
PREFIX := /usr/local
SCHEDULES := 100000
SEED := 1
TORTURE_SECONDS := 60
ROUNDS := 50
FUZZ := 60

# Run one after another: tests that block threads, or that load the machine, starve those of a server in the same process.
GROUPS_OF_TESTS := WorkOSEmulatorTests RefreshClientTests 'LMDBTests|ProcessSupportTests' \
	'LeaseTableTests|FleetCountersTests|LeaseSimulatorTests|FuzzTests' WorkOSTests LeaseDumpTests RefreshDaemonTests \
	HostileFilesTests 'AuthKitTests|AuthKitMiddlewareTests'

# Servers that link the library: folders of Tests/Hosts.
HOSTS_IN_CI := gunicorn php-fpm c
HOSTS := $(HOSTS_IN_CI) gunicorn-gthread uwsgi puma unicorn node
HOST_ROUNDS := 20

# What is not there is not measured, and the benchmark says so.
MEASURED = $(addprefix --library ,$(wildcard $(LIBRARY))) $(addprefix --refreshd ,$(wildcard $(RELEASE)/refreshd)) \
	$(addprefix --swift-library ,$(wildcard $(RELEASE)/libswift-caller.so))

SUBMAKE := $(MAKE) --no-print-directory

.PHONY: help demo build library install deb test nightly test-python test-bindings test-hosts test-hosts-ci hosts-together \
	test-fresh-machine test-browser simulation space model torture fuzz sanitize swift-caller bench bench-quick bench-sidecar \
	instructions docs lint format clean

help: ## Lists the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

deb: library ## Packs programs, library and header for Debian, into .build/deb, and tries the packages out
	@scripts/install-dependencies deb
	@for product in refreshd lease-dump; do \
		swift build --configuration release --static-swift-stdlib --product $$product || exit 1; done
	@scripts/check-deb $(RELEASE) $(LIBRARY)
	@scripts/build-deb $(RELEASE) .build/deb $(LIBRARY)

test: ## Runs all tests that end within minutes
	@scripts/install-dependencies test
	@echo "Building the tests (the first time takes several minutes)"
	@swift build --build-tests
	@for group in $(GROUPS_OF_TESTS); do swift test --skip-build --filter "$$group" || exit 1; done
	@echo "Running the storms (about a minute and a half)"
	@swift test --skip-build --filter RefreshStormTests
	@Tests/PythonSDK/run_workos_sdk.py
	@echo "Running the sidecar between clients and upstreams (some minutes)"
	@Tests/Sidecar/run_sidecar.py
	@Tests/AuthKitBrowser/run
	@$(SUBMAKE) library
	@Tests/CInterface/run $(LIBRARY)
	@$(SUBMAKE) model
	@$(SUBMAKE) simulation
	@$(SUBMAKE) space
	@scripts/check-readme $(DEBUG)
	@scripts/check-man $(DEBUG)
	@scripts/check-deb $(DEBUG) $(LIBRARY)
	@scripts/check-manual $(DEBUG) docs/refreshd.md
	@scripts/check-manual $(DEBUG) docs/lease-dump.md
	@scripts/check-manual $(DEBUG) docs/workos-emulator.md
	@scripts/check-manual $(DEBUG) examples/hummingbird-authkit/README.md
	@scripts/check-snippets

nightly: test test-bindings test-hosts test-fresh-machine test-browser ## Runs the long forms as well: hours
	@LMDB_KILL_ROUNDS=60000 swift test --skip-build --filter LMDBTests
	@REFRESHD_LONG_TESTS=1 swift test --skip-build --filter 'RefreshStormTests|HostileFilesTests'
	@swift test --skip-build --filter RefreshTortureTests
	@REFRESHD_KILL_ROUNDS=200 Tests/Sidecar/run_sidecar.py
	@$(SUBMAKE) model MODEL=--long
	@$(SUBMAKE) simulation SCHEDULES=5000000 SEED=1000001
	@$(SUBMAKE) space LOAD=long
	@$(SUBMAKE) torture TORTURE_SECONDS=1800
	@$(SUBMAKE) fuzz FUZZ=14400
	@$(SUBMAKE) sanitize
	@$(SUBMAKE) instructions
	@$(SUBMAKE) docs
	@$(SUBMAKE) deb

test-python: ## Tests the Python package: builds its wheel and installs it alone
	@$(SUBMAKE) library
	@swift build --product workos-emulator
	@WORKOS_EMULATOR=$(CURDIR)/$(DEBUG)/workos-emulator bindings/python/test $(LIBRARY)

test-bindings: test-python ## Tests the packages for Python, PHP, Ruby and Node
	@scripts/install-dependencies hosts
	@bindings/php/test
	@bindings/ruby/test
	@bindings/node/test/run

test-hosts: ## Refreshes in real prefork servers, each alone and all at once, with and without a death (minutes)
	@$(SUBMAKE) hosts-together HOSTS_TO_RUN="$(HOSTS)" HOST_PACKAGES=hosts

test-hosts-ci: ## The same with the servers that CI runs
	@$(SUBMAKE) hosts-together HOSTS_TO_RUN="$(HOSTS_IN_CI)" HOST_PACKAGES=hosts-ci

hosts-together:
	@scripts/install-dependencies $(HOST_PACKAGES)
	@$(SUBMAKE) library
	@for product in workos-emulator lease-dump; do swift build --configuration release --product $$product || exit 1; done
	@Tests/Hosts/run --rounds $(HOST_ROUNDS) $(HOSTS_TO_RUN)
	@Tests/Hosts/run --rounds $(HOST_ROUNDS) --all $(HOSTS_TO_RUN)

test-fresh-machine: ## Installs what was built on a minimal Debian 12 without Swift, and runs every binding's examples there
	@scripts/install-dependencies fresh-machine
	@$(SUBMAKE) library
	@swift build --configuration release --product workos-emulator
	@Tests/FreshMachine/run

test-browser: ## Loads a page of 12 parallel parts on an expired session, and the status page, in headless Chromium: ROUNDS=50
	@scripts/install-dependencies browser
	@swift build --product workos-emulator
	@swift build --product hummingbird-authkit
	@Tests/AuthKitBrowser/run --browser --rounds $(ROUNDS)
	@swift build --product refreshd
	@Tests/Sidecar/run_status_page.py

simulation: ## Runs the protocol on a simulated machine: SCHEDULES=100000 SEED=1
	@scripts/install-dependencies build
	@swift build --configuration release --product lease-simulation
	@$(RELEASE)/lease-simulation --schedules $(SCHEDULES) --seed $(SEED)

space: ## Publishes at a steady rate and checks how large the table grows; LOAD=long takes two minutes
	@scripts/install-dependencies build
	@swift build --configuration release --product lease-load
	@if [ "$(LOAD)" = long ]; then $(RELEASE)/lease-load plateau; \
	else $(RELEASE)/lease-load plateau --rate 2000 --retention 3 --seconds 12; fi
	@$(RELEASE)/lease-load full-map --map-size 8388608 --rate 1000 --retention 3 --seconds 6
	@$(RELEASE)/lease-load stopped-reader --map-size 33554432 --rate 1000 --retention 3 --seconds 6

model: ## Checks the protocol's model with spin; MODEL=--long takes longer
	@scripts/install-dependencies test
	@model/check $(MODEL)

torture: ## Kills and stops workers for TORTURE_SECONDS (60), wherever they are, and checks what must hold
	@scripts/install-dependencies build
	@swift build --product workos-emulator
	@swift build --product refresh-torture
	@for place in writing opening sending; do $(DEBUG)/refresh-torture --scenario stopped-$$place || exit 1; done
	@$(DEBUG)/refresh-torture --seconds $(TORTURE_SECONDS)

fuzz: ## Fuzzes every parser of foreign bytes for FUZZ seconds in total (60)
	@scripts/install-dependencies build
	@fuzz/run $(FUZZ)

sanitize: ## Runs the tests of the core under ThreadSanitizer and AddressSanitizer
	@scripts/install-dependencies test
	@scripts/sanitize thread
	@scripts/sanitize address

swift-caller: ## Builds the benchmark's worker in Swift
	@scripts/install-dependencies build
	@REFRESHD_BENCHMARKS=1 swift build --configuration release --product swift-caller

bench: ## Measures every contender, and writes docs/performance.md: half an hour, on a machine that does nothing else
	@scripts/install-dependencies bench
	@Benchmarks/run $(MEASURED)

bench-quick: ## Tries the benchmark out in a minute
	@scripts/install-dependencies bench
	@Benchmarks/run --quick $(MEASURED)

bench-sidecar: ## Measures the sidecar beside nginx's proxy_pass, and writes the figures of docs/refreshd.md (minutes)
	@scripts/install-dependencies bench
	@swift build --configuration release --product refreshd
	@Benchmarks/sidecar --write

instructions: library ## Fails where a hot path takes 5 percent more instructions than Benchmarks/instructions.json says
	@scripts/install-dependencies bench
	@Benchmarks/instructions --check --library $(LIBRARY)

docs: ## Builds the documentation of RefreshClient and AuthKit; any warning is an error
	@scripts/install-dependencies build
	@scripts/check-snippets
	@for target in RefreshClient AuthKit; do REFRESHD_DOCUMENTATION=1 swift package generate-documentation \
		--target $$target --warnings-as-errors || exit 1; done

lint: ## Checks the formatting
	@swift format lint --strict --recursive --parallel Sources Tests examples fuzz Package.swift

format: ## Formats everything
	@swift format --in-place --recursive --parallel Sources Tests examples fuzz Package.swift

clean: ## Removes what was built
	@swift package clean
