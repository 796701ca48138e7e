"""Stack images: what apps are built in and run on. Built when first asked for, then kept.

Where a registry answers they start from the official slim images, else from Debian packages by mmdebstrap. Two images a
stack: NAME-build has the installer, compilers and headers; NAME has shared libraries only.
"""

import hashlib
import io
import platform
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from minpaas.plan import node_versions
from minpaas.server.errors import BuildFailed, MachineTrouble, VersionNotFound
from minpaas.server.images import Images
from minpaas.server.narrator import Narrator
from minpaas.server.runtimes import render, shipped
from minpaas.server.settings import Settings
from minpaas.server.transcript import Transcript

DEFAULT = ("python:3.13", "node:24")
_SUITES = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}
_LIBRARIES = "libpq5 libxslt1.1 libjpeg62-turbo libmariadb3 libfreetype6"
_SUITE_LIBRARIES = {"bullseye": "libffi7 libxml2", "forky": "libffi8 libxml2-16"}
_DISTUTILS = 8  # up to this npm, native builds need a Python that still has distutils
_PYTHON_2 = 6  # up to this one, a Python before 3.11, and some of them Python 2
_CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
_RECIPE = "minpaas.stack.recipe"
_making = threading.Lock()  # one at a time: they share their base


def ensure(images: Images, settings: Settings, stack: str, transcript: Transcript) -> str:
    """The run image of a stack such as python:3.13, made when it is missing or out of date.

    Raises MachineTrouble when it cannot be made, VersionNotFound when there is no such version.
    """
    alias, tag = f"minpaas/{stack}", base(stack)
    with _making:
        for suffix in _targets(stack).values():
            if images.find(tag + suffix) and not images.find(alias + suffix):
                images.tag(tag + suffix, alias + suffix)
        if all(images.find(tag + suffix) for suffix in _targets(stack).values()):
            return alias
        with transcript.timed(f"Preparing the stack image {alias} (once)"):
            origin, official = _base(images, settings, stack, transcript)
            for target, suffix in _targets(stack).items():
                _build(images, stack, target, tag + suffix, origin, official, transcript)
                images.tag(tag + suffix, alias + suffix)
    return alias


def base(stack: str) -> str:
    """The image that apps are built from: by what it is made of, so that two versions of MinPaas can share an engine."""
    return f"minpaas/{stack}-{_recipe(stack)}"


def has_python(images: Images, settings: Settings, version: str) -> bool:
    """Whether a Python such as 3.12 can be had: from Debian, or where a registry has its official image."""
    if version in _SUITES:
        return True
    official = _official(settings, f"python:{version}")
    return settings.base_registry != "none" and bool(images.find(official) or images.pull(official))


def _targets(stack: str) -> dict[str, str]:
    """The stages of a stack's Dockerfile that become images, and what their names end with."""
    return {"run": ""} if stack.startswith("static") else {"run": "", "build": "-build"}


def _recipe(stack: str) -> str:
    """What a stack is made of, as a short digest: its Dockerfile and the certificates that this host trusts."""
    digest = hashlib.sha256()
    for official in (True, False):
        digest.update(_dockerfile(stack, "base", official).encode())
    for content in _files().values():
        digest.update(content)
    return digest.hexdigest()[:12]


def _dockerfile(stack: str, base: str, official: bool, near: bool = False) -> str:
    kind, _, version = stack.partition(":")
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x64"
    facts: dict[str, object] = {"base": base, "official": official, "version": version}
    if kind == "node":
        wanted = [f"~{version}", f"^{version}"] if near else [version]
        facts |= {
            "machine": machine,
            "npm": node_versions.npm(version),
            "npm_release": node_versions.npm_release(version),
            "wanted": wanted,
        }
    elif kind == "python":
        own = _SUITE_LIBRARIES.get(_SUITES.get(version, ""), "libffi8 libxml2")
        # uWSGI is a program that has Python as a library, which Debian packs by itself
        own += "" if official else f" libpython{version}"
        facts |= {"libraries": f"{_LIBRARIES} {own}", "seeded": _number(version, 1) < 12}
    return render(f"stack-{kind}.Dockerfile", **facts)


def _number(version: str, place: int) -> int:
    return int([*version.split("."), "0"][place])


def _official(settings: Settings, stack: str) -> str:
    name = "debian:trixie-slim" if stack.startswith("static") else f"{stack}-slim"
    return name if settings.base_registry in ("", "none") else f"{settings.base_registry}/{name}"


def _base(images: Images, settings: Settings, stack: str, transcript: Transcript) -> tuple[str, bool]:
    """The image to start from, and whether it is the official one."""
    official = _official(settings, stack)
    kind, _, version = stack.partition(":")
    npm = node_versions.npm(version) if kind == "node" else 99
    # the official images of the oldest lines stand on a Debian whose packages are not to be had any more
    gone = npm <= _PYTHON_2 and shutil.which("mmdebstrap")
    if settings.base_registry != "none" and not gone and (images.find(official) or images.pull(official)):
        transcript.detail(f"From the official image {official}")
        return official, True
    suite = _SUITES[version] if kind == "python" else "trixie"
    if npm <= _DISTUTILS:
        suite = "bullseye" if npm <= _PYTHON_2 else "bookworm"
    tag = f"minpaas/debian:{suite}"
    if images.find(tag) is None:
        transcript.detail(f"No registry answers: making {tag} from Debian packages")
        _debootstrap(images, suite, tag)
    return tag, False


def _debootstrap(images: Images, suite: str, tag: str) -> None:
    program = shutil.which("mmdebstrap")
    if program is None:
        raise MachineTrouble("no registry answers and mmdebstrap is not installed", hint="apt-get install mmdebstrap")
    with tempfile.TemporaryDirectory(prefix="minpaas-stack-") as folder:
        root = Path(folder) / "root.tar"
        excluded = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
        command = [
            program,
            "--variant=minbase",
            "--include=ca-certificates,python3,python3-venv",
            '--aptopt=Acquire::Languages "none"',
            '--aptopt=Acquire::Check-Valid-Until "false"',  # a suite before its release is now and then a few days old
            *[f"--dpkgopt=path-exclude={path}" for path in excluded],
            suite,
            str(root),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            last = "\n".join(done.stderr.strip().splitlines()[-5:])
            raise MachineTrouble(f"mmdebstrap failed for {suite}: {last}", hint="see: minpaas doctor")
        images.import_root(root, tag, ["LABEL minpaas.stack=1"])


def _build(
    images: Images,
    stack: str,
    target: str,
    tag: str,
    origin: str,
    official: bool,
    transcript: Transcript,
    near: bool = False,
) -> None:
    kind, _, version = stack.partition(":")
    files = {"Dockerfile": _dockerfile(stack, origin, official, near).encode(), **_files()}
    narrator = Narrator(transcript, quiet=True)
    try:
        images.build(
            _tar(files),
            tag=tag,
            build_id=f"stack-{stack}-{target}",
            on_status=narrator.status,
            labels={_RECIPE: _recipe(stack)},
            options={"target": target},
        )
    except BuildFailed as error:
        said = "\n".join(narrator.last)
        missing = any(word in said for word in ("ETARGET", "notarget", "No matching version"))
        if missing and not near and kind == "node" and version.count(".") == 2:
            if target == "run":
                transcript.trouble(f"Node.js {version} is not to be had here: the next newer one is taken")
            return _build(images, stack, target, tag, origin, official, transcript, near=True)
        if missing:
            raise VersionNotFound(f"there is no {stack.replace(':', ' ')}") from error
        raise MachineTrouble(
            f"the stack image minpaas/{stack} could not be made: {narrator.failure}\n{said}"
        ) from error


def _files() -> dict[str, bytes]:
    return {"ca-certificates.crt": _certificates(), "serve-site": shipped("serve-site")}


def _certificates() -> bytes:
    """The CA certificates that this host trusts: many networks need them for pip and npm."""
    for path in _CA_BUNDLES:
        if Path(path).exists():
            return Path(path).read_bytes()
    return b""


def _tar(files: dict[str, bytes]) -> Iterator[bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755 if content.startswith(b"#!") else 0o644
            tar.addfile(info, io.BytesIO(content))
    yield buffer.getvalue()
