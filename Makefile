# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.

PRODUCTS := lease-dump refreshd refresh-storm workos-emulator
RELEASE := .build/release
SCHEDULES := 100000
SEED := 1
TORTURE_SECONDS := 60

# Run one after another: tests that block threads, or that load the machine, starve those of a server in the same process.
GROUPS_OF_TESTS := WorkOSEmulatorTests RefreshClientTests 'LMDBTests|ProcessSupportTests' \
	'LeaseTableTests|WorkOSTests|LeaseDumpTests|RefreshDaemonTests|LeaseSimulatorTests'

.PHONY: help demo build test nightly simulation space model torture deb lint format clean

help: ## Lists the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Shows 128 callers in 16 processes share one refresh, and survive the death of the one who makes it
	@scripts/demo $(RELEASE)

build: ## Builds the programs, optimised
	@scripts/install-dependencies build
	@echo "Building the programs (the first time takes several minutes)"
	@for product in $(PRODUCTS); do swift build --configuration release --product $$product || exit 1; done

test: ## Runs all tests that end within minutes
	@scripts/install-dependencies test
	@echo "Building the tests (the first time takes several minutes)"
	@swift build --build-tests
	@for group in $(GROUPS_OF_TESTS); do swift test --skip-build --filter "$$group" || exit 1; done
	@echo "Running the storms (about a minute and a half)"
	@swift test --skip-build --filter RefreshStormTests
	@Tests/PythonSDK/run_workos_sdk.py
	@echo "Running the sidecar between clients and upstreams (about a minute)"
	@Tests/Sidecar/run_sidecar.py
	@$(MAKE) --no-print-directory model
	@$(MAKE) --no-print-directory simulation
	@$(MAKE) --no-print-directory space
	@scripts/check-readme .build/debug
	@scripts/check-man .build/debug
	@scripts/check-deb .build/debug
	@scripts/check-manual .build/debug docs/refreshd.md
	@scripts/check-manual .build/debug docs/lease-dump.md

nightly: test ## Runs the long forms as well: hours
	@LMDB_KILL_ROUNDS=60000 swift test --skip-build --filter LMDBTests
	@REFRESHD_LONG_TESTS=1 swift test --skip-build --filter RefreshStormTests
	@swift test --skip-build --filter RefreshTortureTests
	@$(MAKE) --no-print-directory model MODEL=--long
	@$(MAKE) --no-print-directory simulation SCHEDULES=5000000 SEED=1000001
	@$(MAKE) --no-print-directory space LOAD=long
	@$(MAKE) --no-print-directory torture TORTURE_SECONDS=1800

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

deb: ## Packs the programs for Debian, into .build/deb
	@for product in refreshd lease-dump; do \
		swift build --configuration release --static-swift-stdlib --product $$product || exit 1; done
	@scripts/build-deb $(RELEASE) .build/deb

lint: ## Checks the formatting
	@swift format lint --strict --recursive --parallel Sources Tests examples Package.swift

format: ## Formats everything
	@swift format --in-place --recursive --parallel Sources Tests examples Package.swift

clean: ## Removes what was built
	@swift package clean
