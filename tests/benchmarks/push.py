"""How long a push takes, beside the floor: the same Dockerfile by `docker build`, and `docker run` until the first 200.

`python -m tests.benchmarks.push` starts a MinPaas of its own and pushes the two sample apps; pushes and floors take
turns, so that a busy moment meets both. It prints medians, their ratio and their difference. On 127.0.0.1 only.
"""

import http.client
import json
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from minpaas.plan import Folder, plan
from minpaas.server import stacks
from minpaas.server.runtimes import generate
from tests.conftest import DOCKER, ROOT, Checkout, Platform, run

ROUNDS = 7
SAMPLES = ("hello-python", "hello-node")
# what a person would write who knows neither uv nor cache mounts
_END = 'COPY app/ .\nCMD ["sh", "-c", "{start}"]\n'
PLAIN = {
    "hello-python": {
        "venv and pip install": "FROM minpaas/python:3.13-build\nWORKDIR /app\nCOPY app/requirements.txt .\n"
        "RUN python3 -m venv --clear /venv && pip install -r requirements.txt\n" + _END,
        "pip install alone": "FROM {pip}\nWORKDIR /app\nCOPY app/requirements.txt .\nRUN pip install -r requirements.txt\n"
        + _END,
    },
    "hello-node": {
        "npm ci": "FROM minpaas/node:24\nWORKDIR /app\nCOPY app/package*.json ./\nRUN npm ci\n" + _END,
    },
}
PIP = "minpaas-benchmark-pip"


@dataclass
class Figures:
    """Seconds of the rounds."""

    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)

    def told(self, what: str) -> str:
        """One line: medians, ratio, difference."""
        ours, floor = statistics.median(self.ours), statistics.median(self.floor)
        return f"{what:40} push {ours:5.2f} s   floor {floor:5.2f} s   ratio {ours / floor:4.2f}   difference {ours - floor:+.2f} s"


class Bench:
    """One MinPaas, and the docker command beside it."""

    def __init__(self, home: Path):
        self.platform = Platform(home)
        self.folder = home / "floor"

    def push(self, checkout: Checkout, app: str, words: str) -> float:
        """From `git push` to the first answer with these words, through nginx."""
        began = time.monotonic()
        pushed = self.platform.push(checkout, app, door="ssh")
        assert pushed.returncode == 0, pushed.stdout
        while words not in self.platform.get(app)[1]:
            assert time.monotonic() < began + 60, "the new code does not answer"
        return time.monotonic() - began

    def floor(self, checkout: Checkout, dockerfile: str, command: str, words: str) -> float:
        """`docker build` and `docker run` of the same tree, until the first answer with these words."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(checkout.path, self.folder / "app", ignore=shutil.ignore_patterns(".git"))
        (self.folder / "Dockerfile").write_text(dockerfile)
        name = f"minpaas-benchmark-{secrets.token_hex(4)}"
        began = time.monotonic()
        built = run(DOCKER, "build", "-q", "-t", name, self.folder, env={"DOCKER_BUILDKIT": "1"})
        assert built.returncode == 0, built.stdout
        words_of = ["sh", "-c", f"exec {command}"] if command else []
        started = run(DOCKER, "run", "-d", "--init", "--name", name, "-e", "PORT=8000", name, *words_of)
        assert started.returncode == 0, started.stdout
        try:
            address = run(DOCKER, "inspect", "-f", "{{.NetworkSettings.IPAddress}}", name).stdout.strip()
            while not _answers(address, words):
                assert time.monotonic() < began + 60, "the floor does not answer"
                time.sleep(0.005)
            return time.monotonic() - began
        finally:
            run(DOCKER, "rm", "-f", name)
            run(DOCKER, "rmi", "-f", name)


def _answers(address: str, words: str) -> bool:
    connection = http.client.HTTPConnection(address, 8000, timeout=5)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status == 200 and words in answer.read().decode()
    except OSError:
        return False
    finally:
        connection.close()


def sample(name: str, at: Path) -> Checkout:
    """A repository with a sample app."""
    checkout = Checkout(at)
    shutil.copytree(ROOT / "minpaas" / "samples" / name, at, dirs_exist_ok=True)
    checkout.commit({}, "Sample")
    return checkout


def change(checkout: Checkout) -> str:
    """Change one line of the page; the new words."""
    words = f"Hello {secrets.token_hex(6)}"
    source = next(one for one in ("app.py", "server.js") if (checkout.path / one).exists())
    lines = (checkout.path / source).read_text().splitlines(keepends=True)
    text = "".join(f"<h1>{words}</h1>\n" if line.startswith("<h1>") else line for line in lines)
    checkout.commit({source: text}, words)
    return words


def forget(checkout: Checkout) -> None:
    """Change what keys the dependency layer, so that nothing of it is cached, without changing what it installs."""
    mark = secrets.token_hex(6)
    requirements, package = checkout.path / "requirements.txt", checkout.path / "package.json"
    if requirements.exists():
        kept = [line for line in requirements.read_text().splitlines() if not line.startswith("#")]
        checkout.commit({"requirements.txt": "\n".join([f"# {mark}", *kept, ""])}, mark)
    else:
        told = json.loads(package.read_text())
        checkout.commit({"package.json": json.dumps({**told, "description": mark}, indent=2)}, mark)


def warm(bench: Bench, name: str, folder: Path) -> Figures:
    """A change of one line, again and again."""
    checkout, app, figures = sample(name, folder), f"warm-{secrets.token_hex(3)}", Figures()
    made = plan(Folder(checkout.path))
    dockerfile = generate(made, app, {}, stacks.base).dockerfile
    bench.push(checkout, app, "Hello")
    bench.floor(checkout, dockerfile, made.start, "Hello")
    for _ in range(ROUNDS):
        words = change(checkout)
        figures.ours.append(bench.push(checkout, app, words))
        words = change(checkout)
        figures.floor.append(bench.floor(checkout, dockerfile, made.start, words))
    return figures


def first(bench: Bench, name: str, folder: Path) -> dict[str, Figures]:
    """The first push of a new app, with the stacks there and nothing of it cached, beside each plain Dockerfile."""
    checkout, figures = sample(name, folder), {what: Figures() for what in PLAIN[name]}
    start = plan(Folder(checkout.path)).start
    for _ in range(ROUNDS):
        forget(checkout)
        ours = bench.push(checkout, f"first-{secrets.token_hex(3)}", change(checkout))
        for what, text in PLAIN[name].items():
            dockerfile = text.replace("{start}", f"exec {start}").replace("{pip}", PIP)
            forget(checkout)
            figures[what].ours.append(ours)
            figures[what].floor.append(bench.floor(checkout, dockerfile, "", change(checkout)))
    return figures


def sizes(bench: Bench, name: str, folder: Path) -> str:
    """How much an app's image adds to the run image of its stack."""
    app = f"size-{secrets.token_hex(3)}"
    bench.push(sample(name, folder), app, "Hello")
    (image,) = set(bench.platform.images(app))
    stack = "minpaas/python:3.13" if name == "hello-python" else "minpaas/node:24"
    both = [int(run(DOCKER, "image", "inspect", "-f", "{{.Size}}", one).stdout) for one in (image, stack)]
    return f"{name + ', image':40} {(both[0] - both[1]) / 1e6:.1f} MB over {stack}"


def main() -> None:
    """Measure and print."""
    pip = "FROM minpaas/python:3.13-build\nRUN uv venv --quiet --clear --seed --python $(command -v python3) /venv\n"
    with tempfile.TemporaryDirectory(prefix="minpaas-benchmark-") as made:
        folder = Path(made)
        bench = Bench(folder / "home")
        bench.platform.start()
        try:
            (folder / "pip").mkdir()
            (folder / "pip" / "Dockerfile").write_text(pip)
            bench.push(sample("hello-python", folder / "stacks"), "stacks", "Hello")
            run(DOCKER, "build", "-q", "-t", PIP, folder / "pip", env={"DOCKER_BUILDKIT": "1"})
            for name in SAMPLES:
                print(warm(bench, name, folder / f"warm-{name}").told(f"{name}, one line changed"), flush=True)
                for what, figures in first(bench, name, folder / f"first-{name}").items():
                    print(figures.told(f"{name}, first; {what}"), flush=True)
                print(sizes(bench, name, folder / f"size-{name}"), flush=True)
        finally:
            bench.platform.remove()
            run(DOCKER, "rmi", "-f", PIP)


if __name__ == "__main__":
    sys.exit(main())
