# `make up` runs Holdfast, `make test` checks everything. Each sets up what it needs by itself.
SHELL := /usr/bin/env bash
.DEFAULT_GOAL := help
.PHONY: help up test lint bench lock web clean

help:
	@echo "make up      run Holdfast (demo mode; HOLDFAST_MODE=live for the real venue)"
	@echo "make test    run every test"
	@echo "make lint    run every static check"
	@echo "make bench   measure, and print ratios"
	@echo "make web     build the web app"
	@echo "make lock    pin the dependencies anew"
	@echo "make clean   remove what was built (keeps your data in var/)"

up:
	@scripts/bootstrap run
	@exec .venv/bin/holdfast up

test:
	@scripts/bootstrap test
	@scripts/test

lint:
	@scripts/bootstrap test
	@scripts/lint

bench:
	@scripts/bootstrap bench
	@.venv/bin/python -m bench

web:
	@scripts/bootstrap run

lock:
	@for set in run dev judges; do \
	  .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-emit-index-url requirements/$$set.in --output-file requirements/$$set.txt || exit 1; \
	done

clean:
	rm -rf .venv .venv-judges web/node_modules web/dist bench/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
