# UserSplit: `make help` lists what there is.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev pins run chromium test lint format check bench clean

PORT ?= 8000
DEMO ?= 1
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv/bin

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: ## install what the product needs into .venv (quick when nothing has changed)
	@$(PYTHON) scripts/setup.py

setup-dev: ## the same, and what tests and checks need
	@$(PYTHON) scripts/setup.py --dev
