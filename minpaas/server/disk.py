"""The room on the machine's disk: what stays free for the apps that run, and what builds may keep in the engine's cache."""

import logging
import shutil
import threading
from functools import cached_property
from pathlib import Path

import requests
from docker.errors import DockerException

from minpaas.server.engine import Engine
from minpaas.server.errors import DiskFull
from minpaas.server.settings import Settings

log = logging.getLogger("minpaas.disk")

_SHARE = 10  # of a small disk a tenth is kept free, where that is less than the setting


class Disk:
    """The disk of one home and its engine."""

    def __init__(self, engine: Engine, settings: Settings):
        self._engine = engine
        self._settings = settings
        self._trimming = threading.Lock()

    def check(self) -> None:
        """Raise DiskFull where so little is free that a build could take it from the apps that run."""
        for folder in (self._settings.home, *self._images):
            usage = shutil.disk_usage(folder)
            if usage.free < min(self._settings.disk_reserve, usage.total // _SHARE):
                raise DiskFull(
                    f"{usage.free >> 20} MB are left on the disk of {folder}, and the apps that run need room too"
                )

    def trim(self) -> None:
        """Shrink the engine's build cache to what it may keep; what was used last stays. A long work: minutes for many GB.

        The engine has one cache for all who build on it. What images that exist are made of is never taken.
        """
        if not self._settings.build_cache or not self._trimming.acquire(blocking=False):
            return  # what one that runs already leaves is seen to after the next build
        try:
            freed = self._engine.streaming.prune_builds(keep_storage=self._settings.build_cache)["SpaceReclaimed"]
            if freed:
                log.info("the build cache was over its limit: %d MB freed", freed >> 20)
        except (DockerException, requests.RequestException) as error:
            log.warning("the build cache could not be trimmed: %s", error)
        finally:
            self._trimming.release()

    @cached_property
    def _images(self) -> list[Path]:
        """Where the engine has its images, if it is on this machine."""
        folder = Path(str(self._engine.api.info().get("DockerRootDir") or ""))
        return [folder] if folder.is_absolute() and folder.is_dir() else []
