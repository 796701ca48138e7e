"""The control plane as far as git sees it: answers the hook's socket from a script that each test writes."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.objects import ZERO_SHA, ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo

from minpaas.server.git import unix_socket

HOOKS = Path(__file__).parents[2] / "hooks"


@dataclass
class Plan:
    """What happens when somebody pushes: lines said with a pause before each, then a reason for each ref not taken."""

    says: list[tuple[float, str]] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)  # ref, or "*" -> reason
    vanishes: bool = False  # closes without a report
    moves: bool = True  # moves the refs itself, as the story does at its commit point


class ControlPlane:
    """A real server of the hook's protocol on a thread."""

    def __init__(self, home: Path):
        self.home = home
        self.plan = Plan()
        self._creating = threading.Lock()
        self.deploys = True  # whether new repos get the hooks
        self.denied: dict[str, str] = {}  # app -> text
        self.questions: list[dict] = []
        self.finished: list[float] = []
        (home / "state").mkdir(mode=0o700, exist_ok=True)
        (home / "repos").mkdir(exist_ok=True)
        self._listener = unix_socket.listen(home / "state" / "hook.sock")
        threading.Thread(target=self._accept, daemon=True).start()

    def repo(self, app: str) -> Path:
        return self.home / "repos" / f"{app}.git"

    def create(self, app: str) -> Path:
        path = self.repo(app)
        with self._creating:
            self._create(path)
        return path

    def _create(self, path: Path) -> None:
        if not path.exists():
            Repo.init_bare(str(path), mkdir=True, default_branch=b"main").close()
            if self.deploys:
                for name in ("post-receive", "proc-receive"):
                    shutil.copy(HOOKS / name, path / "hooks" / name)

    def close(self) -> None:
        self._listener.close()

    def received(self) -> list[dict]:
        return [question for question in self.questions if question["op"] == "receive"]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            question = json.loads(file.readline())
            self.questions.append(question)

            def send(answer: dict) -> None:
                try:
                    connection.sendall(json.dumps(answer).encode() + b"\n")
                except OSError:
                    pass

            if question["op"] == "open":
                self._open(question, send)
            else:
                self._receive(question, send)
                self.finished.append(time.monotonic())

    def _open(self, question: dict, send: Callable[[dict], None]) -> None:
        if question["app"] in self.denied:
            send({"ok": False, "error": self.denied[question["app"]]})
            return
        self.create(question["app"])
        send({"ok": True})

    def _receive(self, question: dict, send: Callable[[dict], None]) -> None:
        plan = self.plan
        for pause, text in plan.says:
            time.sleep(pause)
            send({"out": text})
        if plan.vanishes:
            return
        send({"report": list(self._verdicts(question, plan))})

    def _verdicts(self, question: dict, plan: Plan) -> Iterator[list[str]]:
        for old, new, ref in question["updates"]:
            reason = plan.refuses.get(ref, plan.refuses.get("*"))
            if reason:
                yield [ref, "ng", reason]
            elif (
                not question["moved"]
                and plan.moves
                and ref.startswith("refs/heads/")
                and not self._move(question, old, new, ref)
            ):
                yield [ref, "ng", "stale: fetch first"]
            else:
                yield [ref, "ok", ""]

    def _move(self, question: dict, old: str, new: str, ref: str) -> bool:
        with Repo(str(self.repo(question["repo"]))) as repo:
            if ObjectID(new.encode()) == ZERO_SHA:
                return repo.refs.remove_if_equals(Ref(ref.encode()), ObjectID(old.encode()))
            return repo.refs.set_if_equals(Ref(ref.encode()), ObjectID(old.encode()), ObjectID(new.encode()))
