"""Why a build or a start failed, read from what was printed: a title, the cause, the next step. The output itself stays above.

What is known is in failures.toml; what its texts name beside the words that were found is in clues.py.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from minpaas.server.clues import TABLES, Case, Clues
from minpaas.server.errors import BuildFailed, DeployFailed, NotListening

Phase = Literal["build", "run"]
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# the line that says most, where nothing is known of a failure
_LAST_WORDS = re.compile(
    r"^(?!npm |.*[Cc]ommand failed)\W*((?:[\w.]*(?:Error|Exception|Invalid\w*)\b|(?i:error|fatal))[ :\[].*)$", re.M
)
# how a server is told to listen where it must, by its command
_LISTEN = (
    (r"\bgunicorn\b", "gunicorn MODULE:app --bind 0.0.0.0:$PORT"),
    (r"\b(?:uvicorn|hypercorn|daphne|fastapi)\b", "--host 0.0.0.0 --port $PORT"),
    (r"\bflask\b.*\brun\b", "flask run --host 0.0.0.0 --port $PORT"),
    (r"\brunserver\b", "python manage.py runserver 0.0.0.0:$PORT"),
    (r"\bstreamlit\b", "--server.port $PORT --server.address 0.0.0.0"),
    (r"\bhttp\.server\b", "python -m http.server $PORT"),
    (r"\bnext (?:start|dev)\b", "next start -H 0.0.0.0 -p $PORT"),
    (r"\b(?:vite|ng|react-scripts|vue-cli-service)\b", "--host 0.0.0.0 --port $PORT"),
    (r"\bpython3?\b", "app.run(host='0.0.0.0', port=int(os.environ['PORT']))"),
    (r"\bjson-server\b", "json-server db.json --host 0.0.0.0 --port $PORT"),
    (r"\b(?:node|npm|yarn|pnpm|bun|ts-node|tsx|nodemon)\b", "app.listen(process.env.PORT)"),
)


# the same of a program that has its server in itself, by what its code has
_LISTEN_IN_CODE = (
    (r"\bui\.run\(", "ui.run(port=int(os.environ['PORT']))"),
    (r"\buvicorn\.run\(", "uvicorn.run(app, host='0.0.0.0', port=int(os.environ['PORT']))"),
    (r"\bweb\.run_app\(", "web.run_app(app, port=int(os.environ['PORT']))"),
    (r"\bimport tornado|from tornado", "app.listen(int(os.environ['PORT']))"),
    (r"\bfrom bottle import", "run(host='0.0.0.0', port=int(os.environ['PORT']))"),
    (r"\bmake_server\(", "make_server('0.0.0.0', int(os.environ['PORT']), app)"),
    (r"\b\w*(?:HTTP|TCP)Server\(", "HTTPServer(('0.0.0.0', int(os.environ['PORT'])), HANDLER)"),
    (
        r"\bcherrypy\b",
        "cherrypy.config.update({'server.socket_host': '0.0.0.0', 'server.socket_port': int(os.environ['PORT'])})",
    ),
    (r"['\"]fastify['\"]", "fastify.listen({port: process.env.PORT, host: '0.0.0.0'})"),
    (r"['\"]@hono/node-server['\"]", "serve({fetch: app.fetch, port: process.env.PORT})"),
    (r"\bstartStandaloneServer\(", "startStandaloneServer(server, {listen: {port: process.env.PORT}})"),
    (r"\bBun\.serve\(", "Bun.serve({port: process.env.PORT, ...})"),
)


@dataclass(frozen=True)
class _Told:
    """What is said of a failure that is met often."""

    title: str
    detail: str
    hint: str


def explain(failed: str, output: Iterable[str], error: str, case: Case | None = None) -> BuildFailed:
    """The error of a build whose command `failed`, which printed `output` at last, and of which BuildKit said `error`."""
    made = BuildFailed(failed)
    enrich(made, [*output, failed, error], case or Case(), "build")
    made.detail = made.detail or error[-500:]
    return made


def enrich(error: DeployFailed, output: Iterable[str], case: Case, phase: Phase = "run") -> None:
    """Give an error the title, the cause and the next step that what was printed speaks for."""
    said = _COLOURS.sub("", "\n".join(output))
    if found := _found(said, case, phase):
        error.title, error.hint = found.title, found.hint
        error.detail = f"{error.detail}: {found.detail}" if error.detail else found.detail
    elif isinstance(error, NotListening):
        told = _how_to_listen(case)
        error.hint = error.hint.replace(
            "0.0.0.0:$PORT", f"0.0.0.0:$PORT, such as  {told} " if told else "0.0.0.0:$PORT", 1
        )
    elif last := _LAST_WORDS.findall(said):
        error.detail = f"{error.detail}: {last[-1][:200]}"


def _how_to_listen(case: Case) -> str:
    """How the app's own server is told where to listen; empty where it is not known."""
    named = re.search(
        r"\b(?:python3?|node|tsx|ts-node|nodemon|bun(?: run)?) ([\w./-]+\.(?:py|[cm]?[jt]s))\b", case.command
    )
    code = (case.files.read(named[1]) or "") if named else ""
    known = [how for pattern, how in _LISTEN_IN_CODE if re.search(pattern, code)]
    known += [how for pattern, how in _LISTEN if re.search(pattern, case.command)]
    return next(iter(known), "")


def advice(status: int, answer: str, output: Iterable[str], case: Case) -> str:
    """What to do about an answer that no visitor can use, by its text and what the app printed; empty for any other."""
    if status >= 500 and (found := _found(_COLOURS.sub("", "\n".join(output)), case, "run")):
        return f"{found.title}: {found.detail}. Next: {found.hint}"
    fitting = (one for one in TABLES["answers"] if status in one["status"] and re.search(one["pattern"], answer))
    return next((str(one["says"]) for one in fitting), "")


def _found(said: str, case: Case, phase: Phase) -> _Told | None:
    for pattern, told in _table(phase):
        if match := pattern.search(said):
            clues = Clues(case, said, match)
            return _Told(*(text.format_map(clues) for text in (told.title, told.detail, told.hint)))
    return None


@cache
def _table(phase: Phase) -> tuple[tuple[re.Pattern[str], _Told], ...]:
    """The entries of failures.toml for a phase, in the file's order."""
    return tuple(
        (re.compile("|".join(one["pattern"]), re.M), _Told(one["title"], one["detail"], one["hint"]))
        for one in TABLES["known"]
        if one.get("at", phase) == phase
    )
