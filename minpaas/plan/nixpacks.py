"""What Railway's builders are told beside commands, in nixpacks.toml and railpack.json: system packages, versions, variables."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from minpaas.plan import appjson, build_lines, yaml
from minpaas.plan.model import ConfigVar, Notes
from minpaas.plan.tree import Tree

FILES = ("railpack.json", "nixpacks.toml")
_VARIABLE = re.compile(r"(?!(?:NIXPACKS_\w+|RAILPACK_\w+|PORT|PATH|NODE_VERSION|PYTHON_VERSION)$)\w+")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.:-]*(=[\w.+~:-]+)?")
# programs and libraries of Nix that Debian has, and under which name
_DEBIAN = {
    **{one: one for one in ("chromium", "ffmpeg", "ghostscript", "git", "graphviz", "imagemagick", "pandoc", "sox", "yt-dlp")},
    "libGL": "libgl1", "poppler_utils": "poppler-utils", "poppler-utils": "poppler-utils", "portaudio": "libportaudio2",
    "tesseract": "tesseract-ocr",
}  # fmt: skip
# languages, their package managers and compilers: they are there, as far as the app asks for them
_THERE = re.compile(
    r"\.\.\.|(nodejs|npm|yarn|pnpm|bun|corepack|python|pip|poetry|pipenv|uv|virtualenv|gcc|gnumake|cmake|clang|binutils|stdenv|"
    r"pkg-config|pkgconfig|openssl|zlib|libffi|postgresql|libpq|libmysqlclient|sqlite|bash|coreutils|curl|cacert)\b.*|"
    r"(nodejs|npm|yarn|pnpm|python|postgresql|sqlite|openssl|gcc|libmysqlclient)[\d_.-].*"
)


def system_packages(tree: Tree, notes: Notes) -> list[str]:
    """The Debian packages that these files ask for, also by their names in Nix."""
    wanted = dict[str, str]()
    for name, key, asked in _asked(tree):
        plain = re.sub(r"([-_](full|headless|\d+)|Full|Headless)+$", "", asked)
        package = _DEBIAN.get(plain, "") if key == "nixPkgs" else asked
        if _PACKAGE.fullmatch(package):
            wanted.setdefault(package, name)
        elif key != "nixPkgs" or not _THERE.fullmatch(asked):
            notes.warn(
                f"{key} of {name}: {asked[:80]} is not installed: add the Debian package that has it to an Aptfile"
            )
    for name in dict.fromkeys(wanted.values()):
        notes.because(f"System packages: {' '.join(one for one, where in wanted.items() if where == name)} ({name})")
    return list(wanted)


def version(tree: Tree, language: str) -> tuple[str, str]:
    """The version of node or python that they ask for, and the file; empty where they do not."""
    packages = yaml.mapping(build_lines.parsed(tree, "railpack.json").get("packages"))
    if isinstance(told := packages.get(language), str):
        return told, "railpack.json"
    for name, key, asked in _asked(tree):
        if key == "nixPkgs" and language == "node" and (found := re.match(r"nodejs[-_]?(\d+)", asked)):
            return found[1], name
    return "", ""


def variables(tree: Tree) -> Iterator[ConfigVar]:
    """The config vars that they give, but for those that speak to the builder."""
    deploy = yaml.mapping(build_lines.parsed(tree, "railpack.json").get("deploy"))
    for where, told in (
        ("railpack.json", deploy.get("variables")),
        ("nixpacks.toml", build_lines.parsed(tree, "nixpacks.toml").get("variables")),
    ):
        found = (one for one in appjson.config_vars(told) if _VARIABLE.fullmatch(one.name))
        yield from (replace(one, where=where) for one in found)


def _asked(tree: Tree) -> Iterator[tuple[str, str, str]]:
    """Each system package: the file, the list that it is in, its name there."""
    railpack = build_lines.parsed(tree, "railpack.json")
    deploy = yaml.mapping(railpack.get("deploy"))
    lists = [
        ("railpack.json", "aptPackages", deploy.get("aptPackages")),
        ("railpack.json", "buildAptPackages", railpack.get("buildAptPackages")),
    ]
    lists += [("nixpacks.toml", key, one) for key, one in _setup(build_lines.parsed(tree, "nixpacks.toml"))]
    for name in build_lines.RAILWAY:
        build = yaml.mapping(build_lines.parsed(tree, name).get("build"))
        lists += [(name, key, one) for key, one in _setup(yaml.mapping(build.get("nixpacksPlan")))]
    for name, key, told in lists:
        yield from ((name, key, one.strip()) for one in told if isinstance(one, str)) if isinstance(told, list) else ()


def _setup(told: dict[str, Any]) -> list[tuple[str, Any]]:
    """The lists of the phase that sets a machine up."""
    setup = yaml.mapping(yaml.mapping(told.get("phases")).get("setup"))
    return [(key, setup.get(key)) for key in ("aptPkgs", "nixPkgs")]
