"""A stand-in for the server, so that the steps of `minpaas up` can be tried one by one and made to fail.

The real thing is tried in test_up.py. Run as `python stand_in.py PORT FOLDER [broken]`: the router is the same port,
apps are the bare repositories in FOLDER, and what was asked for is written to FOLDER/asked.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PORT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])
BROKEN = "broken" in sys.argv[3:]
HOST_KEY = "ssh-ed25519 AAAAhost"
KEYS: list[str] = []


class StandIn(BaseHTTPRequestHandler):
    """Answers as DESIGN says that the server does."""

    def do_GET(self) -> None:
        """Health, keys, apps, and for another Host the app itself."""
        path = urlsplit(self.path).path
        if self.headers["Host"].startswith("hello-"):
            self.text(200 if self.repository(self.headers["Host"].split(".")[0]).exists() else 404, "an app")
        elif path == "/healthz":
            from minpaas import __version__

            self.json({"status": "ok", "version": __version__, "router_port": PORT, "ssh_port": SSH_PORT})
        elif path == "/keys":
            self.json([{"key": key} for key in KEYS])
        elif path == "/keys/host":
            self.json({"port": 2222, "keys": [HOST_KEY]})
        elif path == "/apps":
            self.json([{"name": folder.stem} for folder in FOLDER.glob("*.git")])
        elif path.startswith("/apps/"):
            self.app(path.removeprefix("/apps/"))
        elif path.startswith("/git/"):
            self.git()

    def do_POST(self) -> None:
        """Stacks, keys, down, and a push."""
        if self.path.startswith("/git/"):
            self.git()
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with (FOLDER / "asked").open("a") as asked:
            asked.write(f"{self.path} {json.dumps(body)}\n")
        if self.path == "/keys":
            KEYS.append(body["key"])
            self.json({})
        elif self.path == "/stacks":
            self.stacks()
        elif self.path == "/down":
            self.json({})

    def stacks(self) -> None:
        """A transcript of one line and its verdict."""
        error = {"error": "machine-trouble", "title": "No stack", "detail": "debootstrap failed", "hint": "do this"}
        said = ("trouble", "No stack: debootstrap failed") if BROKEN else ("detail", "python:3.13 is ready")
        events = [said, ("end", json.dumps(error if BROKEN else {}))]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for kind, text in events:
            data = json.dumps({"at": 1.0, "kind": kind, "text": text})
            self.wfile.write(f"event: {kind}\ndata: {data}\n\n".encode())

    def do_DELETE(self) -> None:
        """An app."""
        name = self.path.removeprefix("/apps/")
        self.repository(name).rename(FOLDER / f"{name}.deleted")
        self.json({})

    def app(self, name: str) -> None:
        """What is live is the head of main."""
        if not self.repository(name).exists():
            shape = {"error": "no-such-app", "title": "There is no such app", "detail": name, "hint": "minpaas apps"}
            self.json(shape, 404)
            return
        show = ["git", f"--git-dir={self.repository(name)}", "rev-parse", "main"]
        commit = subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()
        self.json({"name": name, "commit": commit, "status": "running"})

    def git(self) -> None:
        """git's own HTTP server, as CGI."""
        url = urlsplit(self.path)
        repository = FOLDER / url.path.split("/")[2]
        if not repository.exists():
            subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(repository)], check=True)
            subprocess.run(["git", f"--git-dir={repository}", "config", "http.receivepack", "true"], check=True)
        env = os.environ | {
            "GIT_PROJECT_ROOT": str(FOLDER),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": url.path.removeprefix("/git"),
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": self.headers.get("Content-Length", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        done = subprocess.run(["git", "http-backend"], env=env, input=body, stdout=subprocess.PIPE, check=False)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        self.send_response(200)
        for line in head.decode().splitlines():
            name, _, value = line.partition(": ")
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def repository(self, name: str) -> Path:
        """Where an app's repository is."""
        return FOLDER / f"{name}.git"

    def json(self, answer: Any, status: int = 200) -> None:
        """A JSON answer."""
        self.text(status, json.dumps(answer), "application/json")

    def text(self, status: int, body: str, kind: str = "text/plain") -> None:
        """A whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Not a word."""


def greet(ssh: socket.socket) -> None:
    """All that is asked of ssh here: its banner."""
    while True:
        connection, _ = ssh.accept()
        with connection:
            connection.sendall(b"SSH-2.0-stand-in\r\n")


listener = socket.create_server(("127.0.0.1", 0))
SSH_PORT = listener.getsockname()[1]
threading.Thread(target=greet, args=(listener,), daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", PORT), StandIn).serve_forever()
