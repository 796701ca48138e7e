"""Runs a repo's post-receive and takes what it says for each ref as the verdict; its output goes live to the pusher."""

import os
import selectors
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minpaas.server.git.wire import Sideband

_OUTPUT_STEP = 65_500  # fits one sideband packet
_REPORT_LIMIT = 16 << 20
NO_VERDICT = b"interrupted"


@dataclass(frozen=True)
class Update:
    """One ref that a push wants to move. `old` and `new` are hex ids; forty zeros: there is none."""

    old: bytes
    new: bytes
    ref: bytes


def deploy_hook(repo: Path) -> Path | None:
    """The repo's executable post-receive; None: nothing deploys here, refs just move."""
    hook = repo / "hooks" / "post-receive"
    return hook if hook.is_file() and os.access(hook, os.X_OK) else None


def ask(
    hook: Path, repo: Path, updates: Sequence[Update], environ: dict[str, str], side: Sideband
) -> dict[bytes, bytes]:
    """What the hook says: ref -> b"" (good) or the reason why not. Runs to its end even if the pusher leaves."""
    out_read, out_write = os.pipe()
    report_read, report_write = os.pipe()
    try:
        process = subprocess.Popen(
            [str(hook)],
            cwd=repo,
            stdin=subprocess.PIPE,
            stdout=out_write,
            stderr=out_write,
            env={**os.environ, **environ, "GIT_DIR": ".", "MINPAAS_REPORT_FD": str(report_write)},
            pass_fds=(report_write,),
            start_new_session=True,  # a Ctrl-C at the server's terminal is not for the hook
        )
    except OSError as error:
        for handle in (out_read, out_write, report_read, report_write):
            os.close(handle)
        side.say(f" !     hooks/post-receive cannot be run: {error.strerror}\n".encode())
        return {update.ref: b"hook cannot be run" for update in updates}
    os.close(out_write)
    os.close(report_write)
    try:
        _feed(process, updates)
        report = _relay(out_read, report_read, side)
    finally:
        os.close(out_read)
        os.close(report_read)
    fine = process.wait() == 0
    verdicts = _parse(report)
    # a hook of somebody's own writes no report: then its exit status speaks for every ref
    otherwise = b"" if fine and not verdicts else NO_VERDICT if verdicts else b"post-receive hook declined"
    return {update.ref: verdicts.get(update.ref, otherwise) for update in updates}


def _feed(process: "subprocess.Popen[bytes]", updates: Sequence[Update]) -> None:
    assert process.stdin is not None
    try:
        with process.stdin as stdin:
            stdin.write(b"".join(b"%s %s %s\n" % (update.old, update.new, update.ref) for update in updates))
    except BrokenPipeError:
        pass  # a hook need not read its input


def _relay(out: int, report: int, side: Sideband) -> bytes:
    """Copies the output until it ends; the report that was written meanwhile."""
    said: list[bytes] = []
    size = 0
    with selectors.DefaultSelector() as selector:
        selector.register(out, selectors.EVENT_READ)
        selector.register(report, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(1.0)
            if not ready:
                side.keep_alive()
            for key, _ in ready:
                data = os.read(key.fd, _OUTPUT_STEP)
                if not data:
                    selector.unregister(key.fd)
                elif key.fd == out:
                    side.say(data)
                elif size < _REPORT_LIMIT:
                    said.append(data)
                    size += len(data)
    return b"".join(said)


def _parse(report: bytes) -> dict[bytes, bytes]:
    verdicts: dict[bytes, bytes] = {}
    for line in report.splitlines():
        word, _, rest = line.partition(b" ")
        ref, _, reason = rest.partition(b" ")
        if word in (b"ok", b"ng") and ref:
            verdicts[ref] = b"" if word == b"ok" else reason or b"rejected"
    return verdicts
