"""What the tests of builds share."""

import shutil

import pytest

from tests.builds import locks
from tests.builds.cases import APPS, Case
from tests.conftest import Checkout, Platform, run


@pytest.fixture(scope="session")
def stacks(platform: Platform) -> Platform:
    """A platform whose default stacks are there."""
    for kind in ("python:3.13", "node:24"):
        platform.wait_for(
            lambda kind=kind: run("/usr/bin/docker", "image", "inspect", f"minpaas/{kind}-build").returncode == 0,
            300,
            kind,
        )
    return platform


def checked_out(case: Case, checkout: Checkout) -> Checkout:
    """A repository with the case's files and a lock file of the real tool."""
    shutil.copytree(APPS / case.folder, checkout.path, dirs_exist_ok=True)
    if case.lock:
        locks.make(case.lock, checkout.path, case.lock_name)
    checkout.commit({}, case.folder)
    return checkout
