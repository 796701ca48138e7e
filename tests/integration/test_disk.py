"""The disk of the machine: a build may not take the last of it, and the engine's build cache stays within its limit."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.conftest import Checkout, Platform, run
from tests.integration.sources import serving

pytestmark = pytest.mark.alone  # one watches the clock, the other the engine's own cache

DISK_MB = 100  # a tenth of it stays free
LAYER_MB = 60


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Platform]:
    """A MinPaas whose home is a disk of its own, of 100 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    home = tmp_path / "disk"
    home.mkdir()
    mounted = run("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", home)
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stdout}")
    made = Platform(home)
    try:
        made.start()
        yield made
    finally:
        made.remove()
        run("umount", "-l", home)


def test_a_full_disk_refuses_a_deploy_at_once_and_the_old_release_serves_on(
    small_disk: Platform, checkout: Checkout
) -> None:
    platform, filler = small_disk, small_disk.home / "filler"
    checkout.commit(serving("old"))
    assert platform.push(checkout, "app").returncode == 0
    free = os.statvfs(platform.home).f_bavail * os.statvfs(platform.home).f_frsize
    filler.write_bytes(bytes(free - (5 << 20)))
    checkout.commit(serving("new"))
    started = time.monotonic()
    pushed = platform.push(checkout, "app")
    took = time.monotonic() - started
    assert pushed.returncode == 1
    assert "The disk is full: " in pushed.stdout
    assert f"MB are left on the disk of {platform.home}" in pushed.stdout
    assert "docker builder prune" in pushed.stdout
    assert took < 2
    assert platform.get("app") == (200, "old\n")
    filler.unlink()
    assert platform.push(checkout, "app").returncode == 0
    assert platform.get("app") == (200, "new\n")


def test_the_build_cache_stays_within_its_limit(tmp_path: Path, checkout: Checkout) -> None:
    engine = docker.from_env(timeout=600)

    def cache() -> int:
        """Bytes that only the build cache has."""
        return sum(one["Size"] for one in engine.df()["BuildCache"] if not one["Shared"])

    limit = cache() + (LAYER_MB << 20) // 2  # what lies there already may stay, but not with two such layers
    platform = Platform(tmp_path / "home", MINPAAS_BUILD_CACHE_GB=str(limit / (1 << 30)))
    dockerfile = (
        "FROM minpaas/python:3.13\nRUN head -c {size}M /dev/urandom >/large # {nonce}\n"
        'COPY server.py .\nCMD ["python3", "server.py"]\n'
    )
    try:
        platform.start()
        for number in range(3):
            text = dockerfile.format(size=LAYER_MB, nonce=f"{platform.instance} {number}")
            checkout.commit({"server.py": serving(str(number))["server.py"], "Dockerfile": text})
            pushed = platform.push(checkout, "app")
            assert pushed.returncode == 0, pushed.stdout
        platform.request("DELETE", "/apps/app")  # the layers of its images belong to the cache alone now
        checkout.commit({**serving("last"), "Dockerfile": None})
        assert platform.push(checkout, "other").returncode == 0
        platform.wait_for(lambda: cache() <= limit, 240, "the build cache to be within its limit")
        assert platform.get("other") == (200, "last\n")
        checkout.commit(serving("changed"))
        again = platform.push(checkout, "other")
        assert again.returncode == 0, again.stdout
    finally:
        platform.remove()
