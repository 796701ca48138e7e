"""Config vars reach the build, and nothing that is kept: not the history, not a layer, not a word of ours."""

import base64
import secrets
import urllib.parse

import pytest

from tests.conftest import DOCKER, Checkout, Platform, run

pytestmark = pytest.mark.timeout(600)

PYTHON = {
    "requirements.txt": "flask\ngunicorn\n",
    "Procfile": "web: gunicorn app:app --bind 0.0.0.0:$PORT\n",
    "app.py": 'from flask import Flask\n\napp = Flask(__name__)\napp.get("/")(lambda: open("seen.txt").read())\n',
    # what a build needs its config vars for; it prints one of them, as careless builds do
    "bin/post_compile": 'echo "the token is $CANARY_0"\n'
    'python -c \'import os; print(sum("canary" in v for v in os.environ.values()), file=open("seen.txt", "w"))\'\n',
}
NODE = {
    "package.json": '{"name": "a", "scripts": {"build": "node build.js", "start": "node server.js"}}\n',
    "build.js": 'const seen = Object.values(process.env).filter((value) => value.includes("canary")).length;\n'
    'require("fs").writeFileSync("seen.txt", `${seen}`);\n',
    "server.js": 'const seen = require("fs").readFileSync("seen.txt");\n'
    'require("http").createServer((_, response) => response.end(seen)).listen(process.env.PORT);\n',
}
DOCKERFILE = {
    "Dockerfile": 'FROM minpaas/python:3.13\nCOPY server.py .\nCMD ["python3", "server.py"]\n',
    "server.py": "import os\nfrom http.server import BaseHTTPRequestHandler, HTTPServer\n\n\n"
    "class H(BaseHTTPRequestHandler):\n    def do_GET(self):\n        self.send_response(200)\n"
    '        self.end_headers()\n        self.wfile.write(b"0")\n\n\n'
    'HTTPServer(("0.0.0.0", int(os.environ["PORT"])), H).serve_forever()\n',
}


def canaries() -> dict[str, str]:
    """Ten values, two of them for installers only, some with what a shell would mangle."""
    odd = ["", "'", '"', "$HOME", " ", "\\", "\n", "`id`", "%", "&"]
    names = [*(f"CANARY_{number}" for number in range(8)), "PIP_CANARY", "NPM_CANARY"]
    return {name: f"canary-{secrets.token_hex(12)}{odd[number]}" for number, name in enumerate(names)}


def spellings(values: dict[str, str]) -> list[bytes]:
    """How a value could show up: as it is, in base64, in a URL."""
    tokens = [value[:31].encode() for value in values.values()]
    return [
        *tokens,
        *(base64.b64encode(one)[:-4] for one in tokens),
        *(urllib.parse.quote(one).encode() for one in tokens),
    ]


def everything(platform: Platform, app: str, said: str) -> dict[str, bytes]:
    """All that is kept or shown of an app and its image."""
    (image,) = set(platform.images(app))
    saved = run_bytes("docker-save", image)
    pages = {path: platform.ask("GET", path)[1].encode() for path in ("/", f"/apps/{app}", "/apps")}
    transcripts = b"".join(one.read_bytes() for one in (platform.home / "state" / "apps" / app).rglob("*.log"))
    workspace = b"".join(one.read_bytes() for one in (platform.home / "workspace").rglob("*") if one.is_file())
    history = run(DOCKER, "history", "--no-trunc", image).stdout.encode()
    return {
        "push": said.encode(),
        "save": saved,
        "history": history,
        "log": transcripts,
        "workspace": workspace,
        **pages,
    }


def run_bytes(_: str, image: str) -> bytes:
    """The whole image as docker save writes it."""
    import subprocess

    return subprocess.run([DOCKER, "save", image], capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout


@pytest.mark.parametrize(
    ("files", "seen"), [(PYTHON, "10"), (NODE, "10"), (DOCKERFILE, "0")], ids=["python", "node", "dockerfile"]
)
def test_ten_canaries_are_in_the_build_and_nowhere_else(
    stacks: Platform, checkout: Checkout, app: str, files: dict[str, str | None], seen: str
) -> None:
    values = canaries()
    stacks.request("POST", "/apps", {"name": app})
    stacks.request("PATCH", f"/apps/{app}/config", {"values": values})
    checkout.commit(files)
    pushed = stacks.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert stacks.get(app)[1].strip() == seen
    hits = [
        (where, spelling)
        for where, content in everything(stacks, app, pushed.stdout).items()
        for spelling in spellings(values)
        if spelling in content
    ]
    assert hits == []
    if files is PYTHON:
        assert "the token is ***" in pushed.stdout
