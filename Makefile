# What a newcomer types. The work itself is done by `minpaas` (minpaas/cli) and pytest.

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo -E)
TEST_TOOLS := chromium chromium-driver wrk

.PHONY: help up down clean test check lock .venv

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 14

up: .venv ## set this machine up, start everything, deploy two sample apps
	@$(SUDO) .venv/bin/minpaas up

down: .venv ## stop everything
	@$(SUDO) .venv/bin/minpaas down

clean: .venv ## stop everything and remove it: apps, images, state, .venv (CONFIRM=1: do not ask)
	@$(SUDO) .venv/bin/minpaas clean $(if $(CONFIRM),--confirm)
	@$(SUDO) rm -rf .venv

test: .venv ## lint, types and every test, on a real engine; installs what that needs
	@$(SUDO) .venv/bin/minpaas up --prepare
	@$(foreach tool,$(TEST_TOOLS),dpkg -s $(tool) >/dev/null 2>&1 &&) [ -x /usr/bin/docker ] || { $(SUDO) apt-get -q update && \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $(TEST_TOOLS) \
	    $$([ -x /usr/bin/docker ] || echo docker-cli); } # since Debian 13 a package of its own
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/pytest -n 3 --dist loadgroup -m "not alone" $(PYTEST_ARGS)
	.venv/bin/pytest -m alone $(PYTEST_ARGS)

check: .venv ## lint, types and the tests that need no engine
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/pytest -q tests/unit

lock: ## make requirements.lock anew (needs uv)
	printf 'hatchling\neditables\n' | uv pip compile pyproject.toml - --extra dev --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade -q -o requirements.lock

.venv:
	@minpaas/cli/bootstrap.sh
