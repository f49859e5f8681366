# Two commands matter: `make demo` and `make test`. Both set up whatever is missing.
PYTEST = .venv/bin/python -m pytest
.PHONY: setup setup-tests demo demo-slurm test lint unit integration accept bundle lock docs pictures slurm-lab replay-slurm

setup:
	@tools/setup

setup-tests: setup
	@tools/setup-tests

demo: setup
	.venv/bin/beampace demo

# The same beamtime on a Slurm cluster, made for it and gone afterwards: needs root.
demo-slurm: setup-tests
	@tools/slurm-lab demo beampace-demo-slurm

# By file, not by group: pytest 9.2 does not carry the groups of pytest-xdist 3.8, which are marked all the same.
test: lint setup-tests
	$(PYTEST) -n 2 --dist loadfile tests

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

unit: setup-tests
	$(PYTEST) -n 2 tests/unit

integration: setup-tests
	$(PYTEST) -n 2 --dist loadfile tests/integration

accept: setup-tests
	.venv/bin/python benchmarks/simulate_frames.py 3
	.venv/bin/python benchmarks/look.py --rounds 4 --frames 2
	$(PYTEST) -s --timeout 1800 accept

# 40 datasets through Slurm in both shapes, with faults of nodes, controller, network, reservation and staff: 5 min.
replay-slurm: setup-tests
	$(PYTEST) -s accept/test_slurm_replay.py

# A Slurm cluster below DIR until Ctrl-C; ACCOUNTING=yes adds slurmdbd with MariaDB.
DIR = /tmp/slurm-lab
slurm-lab: setup-tests
	@tools/slurm-lab run $(DIR) $(if $(ACCOUNTING),--accounting)

bundle: setup
	tools/bundle

docs: setup
	.venv/bin/python -m tools.reference

# Pictures of every page for the documentation, from a played beamtime: 4 min.
pictures: setup-tests
	.venv/bin/python -m tools.pictures

LOCK = .venv/bin/uv pip compile --upgrade --generate-hashes --no-header --no-emit-index-url --python-version 3.11 -q
lock: setup
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(LOCK) --group build -c requirements-dev.lock -o requirements-build.lock
