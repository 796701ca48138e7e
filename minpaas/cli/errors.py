"""What can go wrong on the client's side, and the one place that tells it: ` !     title: detail`, and an exit code.

0 done; 1 the operation failed; 2 wrong usage (typer's own); 3 no such app; 4 not allowed; 5 the server cannot be reached.
"""

import sys


class CLIError(Exception):
    """A title, what was found, and the next command to type."""

    exit_code = 1

    def __init__(self, title: str, detail: str = "", hint: str = ""):
        super().__init__(f"{title}: {detail}" if detail else title)
        self.title = title
        self.detail = detail
        self.hint = hint


class Trouble(CLIError):
    """The machine is not as it must be, or a step on it failed."""


class WrongUsage(CLIError):
    """The command was not given what it needs."""

    exit_code = 2


class Failed(CLIError):
    """The transcript has said it all; only the exit code is left."""


class APIError(CLIError):
    """The server answered, and the answer is no."""

    def __init__(self, status: int, title: str, detail: str = "", hint: str = "", error_slug: str = ""):
        super().__init__(title, detail, hint)
        self.status = status
        self.error_slug = error_slug
        if error_slug == "no-such-app":
            self.exit_code = 3
        elif status in (401, 403):
            self.exit_code = 4


class Unreachable(CLIError):
    """No server answers there, or it went away in the middle of its answer."""

    exit_code = 5

    def __init__(self, url: str, why: str):
        super().__init__(
            "The server cannot be reached",
            f"{url}: {why}",
            "start it with: minpaas up (or say where it is: export MINPAAS_URL=http://HOST:4000)",
        )


def tell(error: CLIError) -> int:
    """Say an error on stderr, as every command does, and give its exit code."""
    first, *rest = str(error).splitlines() or [""]
    print(f" !     {first}", *(f" !     {line}".rstrip() for line in rest), sep="\n", file=sys.stderr)
    for line in error.hint.splitlines():
        print(f"       {line}", file=sys.stderr)
    return error.exit_code
