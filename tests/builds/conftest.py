"""What the tests of builds share."""

import shutil
from collections.abc import Iterator

import pytest

from tests.builds import locks
from tests.builds.cases import APPS, Case
from tests.conftest import Checkout, Platform, run


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose default stacks are there, and that gives a start the product's own 60 s.

    What an app of npm's compiles while it starts takes four times as long beside the other workers' builds.
    """
    made = Platform(tmp_path_factory.mktemp("stacks"), MINPAAS_START_TIMEOUT="60")
    try:
        made.start()
        for kind in ("python:3.13", "node:24"):
            made.wait_for(
                lambda kind=kind: run("/usr/bin/docker", "image", "inspect", f"minpaas/{kind}-build").returncode == 0,
                300,
                kind,
            )
        yield made
    finally:
        made.remove()


def checked_out(case: Case, checkout: Checkout) -> Checkout:
    """A repository with the case's files and a lock file of the real tool."""
    shutil.copytree(APPS / case.folder, checkout.path, dirs_exist_ok=True)
    if case.lock:
        locks.make(case.lock, checkout.path, case.lock_name)
    checkout.commit({}, case.folder)
    return checkout
