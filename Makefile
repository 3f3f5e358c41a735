# Every command a person or CI runs. `make help` lists them.

CARGO ?= cargo
# How `make run` and `make build` build: PROFILE=dev takes half as long to build, and the server does less a second.
PROFILE := release
PACKAGES := --package hubbub-server
TARGET := $(or $(CARGO_TARGET_DIR),target)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
# What `make run` and `make dev` read: never the configuration of a server that is installed on this machine.
CONFIG := $(firstword $(wildcard config/hubbub.toml hubbub.toml) config/default.toml)
NODE_MODULES := web/node_modules/.package-lock.json
WEB_DIST := web/dist/index.html
WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -path web/e2e -prune -o -path web/tools -prune \
	-o -type f -print 2>/dev/null)

.PHONY: help run build web dev test test-rust test-web test-e2e bench hall fuzz fmt doc generate clean-web
.DEFAULT_GOAL := help

help: ## Lists the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run dev: export HUBBUB_CONFIG := $(or $(HUBBUB_CONFIG),$(CONFIG))

run: build ## Builds what has changed and starts Hubbub on http://127.0.0.1:8080
	@exec $(TARGET)/hubbub $(ARGS)

build: web ## Builds the server with the web client inside: target/release/hubbub
	@scripts/require.sh cargo cc
	$(CARGO) build --profile $(PROFILE) --locked $(PACKAGES)

web: $(WEB_DIST)

$(WEB_DIST): $(NODE_MODULES) $(WEB_SOURCES)
	npm --prefix web run build
	@touch $@

$(NODE_MODULES): web/package-lock.json
	@scripts/require.sh node
	cd web && npm ci --no-audit --no-fund
	@touch $@

dev: $(NODE_MODULES) ## Server and web client, rebuilt and reloaded on every change; open http://127.0.0.1:5173
	@scripts/require.sh cargo cc node python3
	@exec python3 scripts/dev.py

test: ## Everything CI runs, browsers included; the last line says how many passed and failed
	@scripts/prepare-tests.sh
	@exec python3 scripts/test.py

test-rust: ## The Rust part of the tests
	@exec python3 scripts/test.py --only rust

test-web: $(NODE_MODULES) ## The web client's lint, types and unit tests
	@exec python3 scripts/test.py --only web

test-e2e: ## The browser tests
	@exec python3 scripts/test.py --only e2e

bench: ## Measures the media plane, alone and beside Janus: docs/benchmarks.md (needs Linux, two idle cores, 20 minutes)
	$(CARGO) bench --locked --package hubbub-sfu
	@scripts/need-janus.sh
	$(CARGO) build --release --locked --package hubbub-server
	$(CARGO) bench --locked --package hubbub-loadtest --bench comparison

hall: web ## Ten minutes of a hall of 1 000 synthetic listeners, two browsers among them (needs Chromium, 13 minutes)
	$(CARGO) build --release --locked --package hubbub-server --package hubbub-loadtest
	npm --prefix web/e2e ci --no-audit --no-fund
	cd web/e2e && HUBBUB_BIN=$(abspath $(TARGET))/hubbub HUBBUB_HALL_LISTENERS=$(or $(LISTENERS),1000) \
		HUBBUB_HALL_SECONDS=$(or $(SECONDS),600) npx playwright test hall.spec.ts

fuzz: ## Fuzzes everything strangers can send; TARGETS="stun rtp" and SECONDS=600 say what and for how long
	@scripts/require.sh cargo cc python3
	@exec python3 scripts/fuzz.py $(if $(SECONDS),--seconds $(SECONDS)) $(TARGETS)

fmt: $(NODE_MODULES) ## Formats all code
	$(CARGO) fmt --all
	npm --prefix web run fmt

doc: ## Builds the documentation of all crates: target/doc/hubbub/index.html
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --locked --workspace --no-deps --document-private-items

generate: $(NODE_MODULES) ## Writes the generated files anew: openapi.json, generated.ts, schema.d.ts, METRICS.md, dashboards
	HUBBUB_UPDATE=1 $(CARGO) test --locked --package hubbub-protocol --package hubbub-api
	HUBBUB_UPDATE=1 $(CARGO) test --locked --package hubbub-server --bins catalogue
	grafana/make.py
	npm --prefix web run generate

clean-web: ## Removes the built web client
	rm -rf web/dist
