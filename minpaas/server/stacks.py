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

from minpaas.server.engine import Engine
from minpaas.server.errors import MachineTrouble
from minpaas.server.runtimes import render
from minpaas.server.settings import Settings
from minpaas.server.transcript import Transcript

DEFAULT = ("python:3.13", "node:24")
_SUITES = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie"}
_NODE_SUITE = "trixie"
_CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
_RECIPE = "minpaas.stack.recipe"
_making = threading.Lock()  # one at a time: they share their base


def ensure(engine: Engine, settings: Settings, stack: str, transcript: Transcript) -> str:
    """The run image of a stack such as python:3.13, made when it is missing or out of date.

    Raises MachineTrouble when it cannot be made.
    """
    tag = f"minpaas/{stack}"
    recipe = _recipe(stack)
    with _making:
        if _is_current(engine, tag, recipe) and _is_current(engine, f"{tag}-build", recipe):
            return tag
        with transcript.timed(f"Preparing the stack image {tag} (once)"):
            base, official = _base(engine, settings, stack, transcript)
            for target in ("run", "build"):
                _build(engine, stack, target, base, official, recipe, transcript)
    return tag


def _is_current(engine: Engine, tag: str, recipe: str) -> bool:
    image = engine.image(tag)
    return bool(image) and ((image or {})["Config"]["Labels"] or {}).get(_RECIPE) == recipe


def _recipe(stack: str) -> str:
    """What a stack is made of, as a short digest: its Dockerfile and the certificates that this host trusts."""
    digest = hashlib.sha256()
    for official in (True, False):
        digest.update(_dockerfile(stack, "base", official).encode())
    digest.update(_certificates())
    return digest.hexdigest()[:16]


def _dockerfile(stack: str, base: str, official: bool) -> str:
    kind, _, version = stack.partition(":")
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x64"
    return render(f"stack-{kind}.Dockerfile", base=base, official=official, version=version, machine=machine)


def _base(engine: Engine, settings: Settings, stack: str, transcript: Transcript) -> tuple[str, bool]:
    """The image to start from, and whether it is the official one."""
    official = f"{stack}-slim"
    if settings.base_registry not in ("", "none"):
        official = f"{settings.base_registry}/{official}"
    if settings.base_registry != "none" and (engine.image(official) or engine.pull(official)):
        transcript.detail(f"From the official image {official}")
        return official, True
    kind, _, version = stack.partition(":")
    suite = _SUITES[version] if kind == "python" else _NODE_SUITE
    tag = f"minpaas/debian:{suite}"
    if engine.image(tag) is None:
        transcript.detail(f"No registry answers: making {tag} from Debian packages")
        _debootstrap(engine, suite, tag)
    return tag, False


def _debootstrap(engine: Engine, suite: str, tag: str) -> None:
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
            *[f"--dpkgopt=path-exclude={path}" for path in excluded],
            suite,
            str(root),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            last = "\n".join(done.stderr.strip().splitlines()[-5:])
            raise MachineTrouble(f"mmdebstrap failed for {suite}: {last}", hint="see: minpaas doctor")
        engine.import_image(root, tag, ["LABEL minpaas.stack=1"])


def _build(
    engine: Engine, stack: str, target: str, base: str, official: bool, recipe: str, transcript: Transcript
) -> None:
    from minpaas.server.build import Narrator  # the same voice as an app's build

    files = {"Dockerfile": _dockerfile(stack, base, official).encode(), "ca-certificates.crt": _certificates()}
    engine.build(
        _tar(files),
        tag=f"minpaas/{stack}" + ("-build" if target == "build" else ""),
        build_id=f"stack-{stack}-{target}",
        on_status=Narrator(transcript, quiet=True).status,
        labels={_RECIPE: recipe},
        options={"target": target},
    )


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
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    yield buffer.getvalue()
