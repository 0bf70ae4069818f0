# enrold: `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
env := . internal/setup/env.sh
ldflags := -ldflags "-s -w -buildid="
commands := enrold central
emulators := emu-card emu-pn532 emu-scanner emu-camera emu-tpm

.PHONY: soak soak-links soak-central help setup tools ui build demo test race fuzz bench crash powerfail lint docs clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install Debian packages, fetch models and photographs (idempotent)
	@command -v go >/dev/null || { echo "go is missing: install Go 1.26 or newer from https://go.dev/dl/" >&2; exit 1; }
	@internal/setup/packages.sh
	@internal/setup/models.sh

tools: setup ## also build the servers that tests speak to, into .tools
	@internal/setup/s3server.sh || echo "s3server: not built; its test is skipped"
	@internal/setup/tusd.sh || echo "tusd: not built; its test is skipped"

ui: ## build the officer's screen into internal/web/ui/dist
	@internal/setup/ui.sh

build: ui ## build bin/enrold, bin/central and the emulators
	@echo "build: compiling (the first time OpenCV's and dlib's bindings take some minutes)"
	@$(env) && go build $(ldflags) -o bin/ ./cmd/enrold ./cmd/central ./hw/emu/emu-card ./hw/emu/emu-pn532 ./hw/emu/emu-scanner ./hw/emu/emu-camera ./hw/emu/emu-tpm
	@echo "build: bin/enrold bin/central $(emulators:%=bin/%)"

demo: setup build ## enrol an emulated person end to end; ARGS="--once --json" for one visit
	@bin/enrold demo $(ARGS)

test: tools build ## run all tests
	@$(env) && go vet ./...
	@$(env) && go test -count=1 ./internal/arch # its input is every package, which the test cache does not see
	@$(env) && go test -p 1 -timeout 30m $$(go list ./... | grep -v -e /internal/demo -e /internal/arch) # one package at a time: many drive real devices and programs against the clock
	@# Whole desks need the machine for themselves: they measure how fast a killed worker is back.
	@$(env) && ENROLD_REQUIRE_E2E=1 go test -timeout 30m ./internal/demo

race: tools build ## run the tests under the race detector
	@$(env) && go test -race -timeout 60m ./...

fuzz: ## run every fuzz target for FUZZTIME (default 30s)
	@$(env) && internal/setup/fuzz.sh

bench: setup build ## measure the visit, the daemon's start and the reading of chips; figures for docs/BENCHMARKS.md
	@$(env) && bin/enrold bench visit
	@$(env) && bin/enrold bench chip
	@$(env) && bin/enrold bench queue

CRASH_N ?= 1000
crash: setup ## kill desk and central CRASH_N times at random moments (default 1000); nothing may be lost
	@$(env) && CRASH_N=$(CRASH_N) go test -count=1 -v -timeout 3h -run TestKills ./internal/durability

POWERFAIL_N ?= 100
powerfail: setup ## cut the power of both disks POWERFAIL_N times (default 100), and the control that must lose; needs root
	@$(env) && POWERFAIL_N=$(POWERFAIL_N) go test -count=1 -v -timeout 3h -run TestPowerCuts ./internal/durability

soak: soak-links soak-central ## weak links; then killed centrals

soak-links: ## 20 desks behind weak links of their own (as root, some 6 minutes)
	@$(env) && ENROLD_SOAK=1 go test -count=1 -v -timeout 40m -run TestSoakWeakLinks ./sync/uplink

soak-central: setup ## SOAK_N requests of 400 KB (default 5000) to two centrals on PostgreSQL, killed in turns
	@$(env) && SOAK_N=$${SOAK_N:-5000} go test -count=1 -timeout 60m -run '^TestSoakCentral$$' -v ./cmd/central

lint: ## run golangci-lint (installed into .tools)
	@internal/setup/lint.sh

docs: ## write the generated documents (docs/FAILURES.md, docs/DEVICES.md)
	@$(env) && go test -count=1 -run Document ./internal/eid ./hw/profile -args -update

clean: ## remove everything that was built or fetched
	rm -rf bin build .tools internal/web/ui/node_modules
	find internal/web/ui/dist -mindepth 1 ! -name .gitkeep -delete
