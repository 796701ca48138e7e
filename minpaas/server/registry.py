"""The hand that holds state/: what should run, what was released, and how each deploy went.

Every file is written to a temporary one beside it, fsynced and renamed; a file that does not parse stops the server and
is never overwritten. The rename of apps.json is the commit point of a deploy.
"""

import fcntl
import json
import os
import secrets
import shutil
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from minpaas.server.errors import AlreadyRunning, CorruptState, MinPaasError, NoSuchApp
from minpaas.server.models import App, Release, Status
from minpaas.server.settings import Settings

VERSION = 1
_OBSERVED_EVERY = 1.0  # seconds between writes that only carry an observed status


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` so that a crash at any instant leaves the old content or the new one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def now() -> str:
    """This moment as state/ and the API write it: UTC, ISO 8601, seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Registry:
    """The apps and their releases, in memory and in state/. One instance holds a home at a time."""

    def __init__(self, settings: Settings):
        self._state = settings.state
        self._file = settings.state / "apps.json"
        self._apps: dict[str, App] = {}
        self._lock = threading.RLock()
        self._held: int | None = None
        self._later: threading.Timer | None = None
        self._written = 0.0

    def open(self) -> None:
        """Take the home and read it. Raises AlreadyRunning, or CorruptState with the file's path."""
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._held = os.open(self._state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = (self._state / "lock").read_text().strip()
            self.close()
            raise AlreadyRunning(
                f"process {owner} has {self._state.parent}",
                hint="stop it with: minpaas down, or set another MINPAAS_HOME",
            ) from None
        os.ftruncate(self._held, 0)
        os.pwrite(self._held, f"{os.getpid()}\n".encode(), 0)
        for leftover in self._state.rglob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        self._apps = self._read()

    def close(self) -> None:
        """Write what is only in memory and let the home go."""
        with self._lock:
            if self._later:
                self._later.cancel()
                self._flush()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def apps(self) -> list[App]:
        """All apps, by name."""
        with self._lock:
            return [self._apps[name] for name in sorted(self._apps)]

    def app(self, name: str) -> App:
        """One app. Raises NoSuchApp."""
        with self._lock:
            if name not in self._apps:
                raise NoSuchApp(name)
            return self._apps[name]

    def has(self, name: str) -> bool:
        """Whether the name is taken."""
        return name in self._apps

    def save(self, app: App) -> None:
        """Make this record the truth. When it returns, it is on the disk."""
        with self._lock:
            apps = {**self._apps, app.name: app}
            self._write(apps)
            self._apps = apps

    def change(self, name: str, **fields: Any) -> App:
        """Save the app with these fields changed. Raises NoSuchApp."""
        with self._lock:
            app = self.app(name).model_copy(update=fields)
            self.save(app)
            return app

    def observe(self, name: str, status: Status, exit_code: int | None = None) -> None:
        """Note what was seen of an app; written at most once a second, since it is never trusted at the next start."""
        with self._lock:
            app = self._apps.get(name)
            if app is None or (app.status, app.exit_code) == (status, exit_code):
                return
            self._apps = {**self._apps, name: app.model_copy(update={"status": status, "exit_code": exit_code})}
            if self._later is None:
                wait = max(0.0, self._written + _OBSERVED_EVERY - time.monotonic())
                self._later = threading.Timer(wait, self._flush)
                self._later.daemon = True
                self._later.start()

    def remove(self, name: str) -> None:
        """Forget an app and all that was kept of it."""
        with self._lock:
            apps = {key: app for key, app in self._apps.items() if key != name}
            self._write(apps)
            self._apps = apps
        shutil.rmtree(self._state / "apps" / name, ignore_errors=True)

    def forgotten(self) -> list[str]:
        """Names of folders under state/apps that no record refers to: a delete was cut short."""
        folder = self._state / "apps"
        return [entry.name for entry in folder.iterdir() if entry.name not in self._apps] if folder.is_dir() else []

    def write_release(self, release: Release) -> None:
        """Write a release, once: a number is never used again."""
        path = self._folder(release.app, "releases") / f"{release.name}.json"
        write_durably(path, release.model_dump_json(by_alias=True, indent=1).encode())

    def release(self, app: str, number: int) -> Release:
        """One release. Raises CorruptState when its file cannot be read."""
        path = self._folder(app, "releases") / f"v{number}.json"
        try:
            return Release.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise CorruptState(f"{path}: {str(error).splitlines()[0]}", hint="deploy the app again") from error

    def releases(self, app: str) -> list[Release]:
        """All releases of an app that are on the disk, oldest first."""
        numbers = sorted(int(path.stem[1:]) for path in self._folder(app, "releases").glob("v*.json"))
        return [self.release(app, number) for number in numbers]

    def forget_release(self, app: str, number: int) -> None:
        """Remove a release that never went live."""
        (self._folder(app, "releases") / f"v{number}.json").unlink(missing_ok=True)

    def transcript_path(self, app: str, deploy: str) -> Path:
        """Where a deploy's transcript is kept (one JSON event a line)."""
        return self._folder(app, "deploys") / f"{deploy}.log"

    def write_journal(self, app: str, deploy: str, entry: dict[str, Any]) -> None:
        """Note how far a deploy has come: {id, commit, step, ...}."""
        write_durably(self._folder(app, "deploys") / f"{deploy}.json", json.dumps(entry, indent=1).encode())

    def journals(self, app: str) -> list[dict[str, Any]]:
        """How the app's deploys went, oldest first."""
        entries = []
        for path in sorted(self._folder(app, "deploys").glob("*.json")):
            with suppress(ValueError, OSError):  # one unreadable note must not hide the others
                entry = json.loads(path.read_bytes())
                if isinstance(entry, dict) and entry.get("id"):
                    entries.append(entry)
        return entries

    def prune_journals(self, app: str, keep: int = 50) -> None:
        """Keep the newest notes and transcripts."""
        paths = sorted(self._folder(app, "deploys").glob("*.json"))
        for path in paths[: -keep or None]:
            path.with_suffix(".log").unlink(missing_ok=True)
            path.unlink(missing_ok=True)

    def _folder(self, app: str, kind: str) -> Path:
        path = self._state / "apps" / app / kind
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def _flush(self) -> None:
        with self._lock:
            self._later = None
            with suppress(OSError):  # a full disk must not end the observer; the next save says so to a person
                self._write(self._apps)

    def _write(self, apps: dict[str, App]) -> None:
        records = {name: app.model_dump(exclude={"name"}, exclude_defaults=True) for name, app in sorted(apps.items())}
        body = {"version": VERSION, "apps": records}
        write_durably(self._file, (json.dumps(body, indent=1) + "\n").encode())
        self._written = time.monotonic()

    def _read(self) -> dict[str, App]:
        if not self._file.exists():
            return {}
        try:
            body = json.loads(self._file.read_bytes())
            if body["version"] > VERSION:
                raise ValueError(f"it is of version {body['version']}, this MinPaas reads up to {VERSION}")
            return {name: App(name=name, **record) for name, record in body["apps"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, MinPaasError) as error:
            raise CorruptState(
                f"{self._file}: {str(error).splitlines()[0]}",
                hint="the file was left as it is: mend it or put a backup in its place, then start again",
            ) from error
