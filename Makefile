# Every command a newcomer or CI needs. Nothing is installed outside this folder but uv's download cache in HOME, and the
# servers that tests start (with Java, Maven and Go: ElasticMQ, versitygw) in $BRUME_CACHE, by default ~/.cache/brume.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

# The interpreter that is there is used; one that is missing is a clear error, not a download.
export UV_PYTHON_DOWNLOADS := never
# Trust what the machine trusts, as pip and git do: behind a company's proxy uv's own list would not do.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),)
export UV_SYSTEM_CERTS := true
endif
# Files of a HOME that cannot be written (or none at all) go into the checkout instead.
ifneq ($(shell test -n "$$HOME" && test -d "$$HOME" && test -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/.cache/home
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
$(shell mkdir -p "$(HOME)")
endif
# The project's own environment, whatever is activated in the calling shell.
unexport VIRTUAL_ENV
unexport PYTHONPATH
unexport PYTHONHOME

UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
SYNC = $(UV) sync --quiet --frozen --inexact
PYTHON := .venv/bin/python
ARGS ?=
# Tests at a time. One more than two cores have, as most tests wait for processes and servers; JOBS=0 runs them in turn.
JOBS ?= 3
PYTEST = $(PYTHON) -m pytest -n $(JOBS) --dist worksteal

.PHONY: help demo site setup edge dev bench-dev test test-long check bench fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Arguments are passed on with ARGS, as in: make test ARGS='-k canny'"

demo: edge ## one picture through three worker processes, one of them killed, compared pixel by pixel
	@$(PYTHON) main.py --role demo $(ARGS)

site: edge ## everything on this machine, with its site; stays until Ctrl-C
	@BRUME_SITE="$$($(FREE) http 8080)" BRUME_LISTEN="$$($(FREE) tcp 7100)" && export BRUME_SITE BRUME_LISTEN && \
	 echo "Brume's site: $$BRUME_SITE" && exec $(PYTHON) main.py --role all $(ARGS)

setup: $(UV) ## every extra and every development tool into ./.venv (about 3 GB)
	@$(SYNC) --all-extras --all-groups

test: dev ## the tests that finish in minutes
	@$(PYTEST) $(ARGS)

test-long: dev ## all tests, the long ones too
	@BRUME_LONG=1 $(PYTEST) -m "long or not long" $(ARGS)

check: $(UV) ## lint, types and the node files of the roles
	@$(SYNC) --extra core --extra edge --extra cloud --group dev --group bench
	@.venv/bin/ruff check .
	@.venv/bin/mypy .
	@for role in config/roles/*.yaml; do $(PYTHON) main.py --config $$role --check || exit $$?; done

bench: bench-dev ## limits, peers and ours side by side
	@$(PYTHON) -m bench $(ARGS)

fuzz: $(UV) ## feed the frame decoder until something other than ProtocolError comes out (60 s)
	@$(SYNC) --extra core --extra edge --group dev --group fuzz
	@$(PYTHON) -m tests.fuzz.fuzz_frame -max_total_time=60 $(ARGS)

edge: $(UV)
	@$(SYNC) --extra core --extra edge

bench-dev: $(UV)
	@$(SYNC) --extra core --extra edge --extra cloud --group dev --group bench

dev: $(UV)
	@$(SYNC) --extra core --extra edge --extra cloud --group dev

# Debian refuses `pip install` outside an environment, so uv gets one of its own.
.tools/bin/uv:
	@echo "uv is not installed; putting it into ./.tools" >&2
	@$(shell command -v python3.11 || echo python3) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv

# `$(FREE) SCHEME PORT` prints the address on that port of the loopback, or on a free one where it is taken.
FREE = $(PYTHON) -c 'import socket, sys; scheme, port = sys.argv[1:]; s = socket.socket(); probe = socket.socket(); \
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); \
s.bind(("127.0.0.1", 0 if probe.connect_ex(("127.0.0.1", int(port))) == 0 else int(port))); \
print(f"{scheme}://127.0.0.1:{s.getsockname()[1]}")'
