"""Trees of languages that are not built here: known by name, so that the refusal can say what to do."""

import re
from collections.abc import Mapping

from minpaas.plan import static
from minpaas.plan.model import PlanError
from minpaas.plan.tree import Tree

_FILES = {
    "go.mod": "Go", "Gopkg.toml": "Go", "pom.xml": "Java", "build.gradle": "Java", "build.gradle.kts": "Java", "artisan": "PHP",
    "composer.json": "PHP", "index.php": "PHP", "Cargo.toml": "Rust", "mix.exs": "Elixir", "build.sbt": "Scala", "project.clj": "Clojure",
    "deno.json": "Deno", "deno.jsonc": "Deno", "Package.swift": "Swift", "shard.yml": "Crystal", "pubspec.yaml": "Dart", "stack.yaml": "Haskell",
    "Gemfile": "Ruby", "config.ru": "Ruby", "bun.lockb": "Bun", "bun.lock": "Bun", "global.json": ".NET",
}  # fmt: skip
_ENDINGS = {
    ".csproj": ".NET",
    ".fsproj": ".NET",
    ".sln": ".NET",
    ".cabal": "Haskell",
    ".go": "Go",
    ".rb": "Ruby",
    ".php": "PHP",
}
# what such a language's app is started by
_PROGRAMS = (
    (r"bundle|rails|rake|puma|unicorn|thin|rackup|ruby|jekyll|bin/rails|middleman", "Ruby"),
    (r"(vendor/bin/)?heroku-php-\w+|php|composer", "PHP"),
    (r"java|mvn|\./mvnw|gradle|\./gradlew|build/install/\S+", "Java"),
    (r"sbt|target/universal/\S+", "Scala"),
    (r"lein", "Clojure"),
    (r"mix|elixir|iex", "Elixir"),
    (r"dotnet", ".NET"),
    (r"go|goose", "Go"),
    (r"cargo|(\./)?target/release/\S+", "Rust"),
    (r"deno", "Deno"),
    (r"meteor", "Meteor"),
    (r"swift|Run", "Swift"),
)


def other(tree: Tree, types: Mapping[str, str], buildpacks: tuple[str, ...]) -> tuple[str, str] | None:
    """The language that a tree is plainly written in, and what says so, whatever else is in the tree; None: nothing does."""
    if language := of_command(types.get("web", "")):
        return language, f"web of the Procfile ({types['web'][:60]})"
    if buildpacks:
        return buildpacks[0].capitalize().replace("Php", "PHP"), "the buildpack of app.json"
    names = set(tree.names())
    rails = {"config.ru", "Gemfile"} <= names and not (static.detect(tree) and static.only_passes_on(tree))
    whole = rails or "artisan" in names or ("index.php" in names and not static.at_top(tree))
    mark = next(
        (one for one in _FILES if one in names and (whole or one not in ("Gemfile", "config.ru", "composer.json"))),
        None,
    )
    if mark in ("deno.json", "deno.jsonc", "bun.lockb", "bun.lock") and "package.json" in names:
        return None
    return (_FILES[mark], mark) if mark and not (mark == "index.php" and static.at_top(tree)) else None


def of_command(line: str) -> str:
    """The language that a command's program is for; empty where it is none of these."""
    command = re.sub(r"^((env )?[A-Z_]+=\S*\s+|cd \S+ && )+", "", line)
    program = command.split()[0] if command.strip() else ""
    return next((language for pattern, language in _PROGRAMS if program and re.fullmatch(pattern, program)), "")


def hint_of(tree: Tree) -> tuple[str, str] | None:
    """The language of a tree that nothing says how to build, and the file that hints at it."""
    names = tree.names()
    if mark := next((one for one in _FILES if one in names), None):
        return _FILES[mark], mark
    return next(((_ENDINGS[end], one) for one in names for end in _ENDINGS if one.endswith(end)), None)


def has_sources(tree: Tree) -> bool:
    """Whether there are sources of programs at the top: then a page beside them is not all that there is."""
    return any(
        name.endswith((".py", ".java", ".kt", ".c", ".cpp", ".cs", ".rs", ".swift", ".ts")) for name in tree.names()
    )


def refusal(language: str, because: str, below: str = "") -> PlanError:
    """What is said of such a tree; `below` is what is known of its folders."""
    return PlanError(
        "nothing",
        f"This is written in {language}, which is built by a Dockerfile only",
        f"{because} says so",
        f"bring a Dockerfile that builds and starts it (docker init writes one), commit, and push again{f'. Or: {below}' if below else ''}",
        f"{language} needs a Dockerfile",
    )
