"""The command that shows an app's log: what it prints, its builds, the router and MinPaas itself."""

import json
import re
import sys
from typing import Annotated
from urllib.parse import urlencode

import typer

from minpaas.cli import api, target
from minpaas.cli.target import AppArgument, AppOption, JsonOption


def logs(
    app: AppArgument = None,
    option: AppOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", "--tail", "-t", help="Go on with what comes.")] = False,
    count: Annotated[int, typer.Option("-n", "--num", min=0, max=200000, help="How many lines back.")] = 100,
    process: Annotated[str, typer.Option("--process", "-p", "--ps", help="Only of web.1, or of all web.")] = "",
    release: Annotated[str, typer.Option("--release", "-r", help="Only of a release: v12.")] = "",
    source: Annotated[str, typer.Option("--source", "-s", help="Only from app, build, router or system.")] = "",
    since: Annotated[str, typer.Option("--since", help="Only from 10m, 2h or 2026-11-23T14:00 on.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Show what an app logs: itself, its builds, the router, its life."""
    name = target.resolve(app, option)
    asked = {"process": process, "release": release, "source": source, "since": since}
    query = urlencode({"n": count, **{key: value for key, value in asked.items() if value}})
    try:
        for line in api.lines("GET", f"/apps/{name}/logs?{query}" + ("&follow=true" if follow else "")):
            print(_as_json(line) if as_json else line, flush=follow)
    except KeyboardInterrupt:
        sys.exit(0)  # following has no other end


def _as_json(line: str) -> str:
    match = re.match(r"(\S+) (app|minpaas)\[([^\]]+)\]: (.*)", line)
    if not match:
        return json.dumps({"at": None, "source": None, "process": None, "text": line}, ensure_ascii=False)
    at, who, process, text = match.groups()
    source = who if who == "app" else process if process in ("build", "router") else "system"
    return json.dumps({"at": at, "source": source, "process": process, "text": text}, ensure_ascii=False)
