"""The commands about releases: list, look, read how one was made, go back to one."""

import json
import re
from typing import Annotated, Any

import typer

from minpaas.cli import api, operation, table, target
from minpaas.cli.amounts import ago
from minpaas.cli.errors import APIError, Trouble, WrongUsage
from minpaas.cli.target import AppArgument, AppOption, JsonOption

_NUMBER = re.compile(r"v[0-9]+")
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[APP] vN", show_default=False, autocompletion=target.complete_app),
]


def releases(
    app: AppArgument = None,
    option: AppOption = None,
    count: Annotated[int, typer.Option("-n", "--num", min=1, max=10000, help="How many, newest first.")] = 15,
    as_json: JsonOption = False,
) -> None:
    """List the releases of an app, newest first."""
    name = target.resolve(app, option)
    found = api.request("GET", f"/apps/{name}/releases")[:count]
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print(f"{name} has no release yet. Deploy it with: git push minpaas main")
    else:
        rows = [
            (
                one["name"] + ("*" if one["live"] else ""),
                one["commit"][:7],
                one["reason"],
                one["created_by"],
                ago(one["created_at"]),
            )
            for one in found
        ]
        print(table.render(("RELEASE", "COMMIT", "WHAT", "BY", "WHEN"), rows))
        print(f"* is live. To go back: minpaas rollback vN -a {name}")


def info(words: Words = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show a release, and what it changed.

    Of config vars only the names are shown."""
    name, number = _one(words, option, "releases:info")
    found = api.request("GET", f"/apps/{name}/releases/{number}")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    lines = [
        ("Reason", found["reason"]),
        ("By", found["created_by"]),
        ("When", f"{found['created_at']} ({ago(found['created_at'])})"),
        ("Commit", found["commit"]),
        ("Image", found["image"][:19] + ("" if found["image_kept"] else " (gone: it cannot be gone back to)")),
        ("Formation", " ".join(f"{kind}={count}" for kind, count in found["formation"].items())),
        *[(kind, command or "the image's own command") for kind, command in found["process_types"].items()],
        ("Domains", " ".join(one["host"] for one in found["domains"])),
        ("Changed", _changed(found["changed"])),
    ]
    print(f"=== {name} {found['name']}{' (live)' if found['live'] else ''}")
    print("\n".join(f"{label + ':':<11} {value}" for label, value in lines if value))


def output(words: Words = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show the transcript of what made a release."""
    name, number = _one(words, option, "releases:output")
    made_by = api.request("GET", f"/apps/{name}/releases/{number}")["operation"]
    try:
        operation.show(name, made_by, as_json=as_json)
    except APIError as error:
        if error.status != 404:
            raise
        raise Trouble(
            f"The transcript of {number} is not kept any more",
            "the newest 50 of an app are",
            f"what is known of it: minpaas releases:info {number} -a {name}",
        ) from None


def rollback(words: Words = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Go back to an older release, code and config.

    Without vN it is the one before the live one."""
    numbers, names = _split(words)
    if len(numbers) > 1:
        raise WrongUsage("Which release?", " ".join(numbers), "name one: minpaas rollback v12")
    name = target.resolve(names, option)
    body = {"release": int(numbers[0][1:])} if numbers else {}
    operation.follow("POST", f"/apps/{name}/rollback", body, as_json=as_json)


def _one(words: list[str] | None, option: str | None, command: str) -> tuple[str, str]:
    """The app and the one release that are named."""
    numbers, names = _split(words)
    if len(numbers) != 1:
        raise WrongUsage("Which release?", "name one, such as v12", f"minpaas {command} v12")
    return target.resolve(names, option), numbers[0]


def _split(words: list[str] | None) -> tuple[list[str], str | None]:
    """Release numbers, and the app if it is there. An app that is called v12 needs -a."""
    numbers = [word for word in words or [] if _NUMBER.fullmatch(word)]
    names = [word for word in words or [] if not _NUMBER.fullmatch(word)]
    if len(names) > 1:
        raise WrongUsage("That is no release", names[1], "releases are called v1, v2, ...")
    return numbers, names[0] if names else None


def _changed(found: dict[str, Any]) -> str:
    """+ADDED -REMOVED ~CHANGED, and whether the code did."""
    signs = (("+", "config_added"), ("-", "config_removed"), ("~", "config_changed"))
    words = [sign + name for sign, kind in signs for name in found[kind]]
    code = ["commit"] if found["commit"] else ["image"] if found["image"] else []
    return " ".join([*code, *words]) or "nothing but the release"
