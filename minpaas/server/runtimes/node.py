"""Node.js: package.json with its lockfile, installed by the manager that wrote it, its own layer."""

import json
from typing import Any

from minpaas.server import procfile
from minpaas.server.errors import BuildFailed, NoStartCommand
from minpaas.server.git.repo import Files
from minpaas.server.runtimes import Plan, render

VERSION = "24"


def detect(files: Files) -> str | None:
    """The file that makes this a Node.js app, or None."""
    return "package.json" if "package.json" in files.names() else None


def plan(files: Files, command: str | None, base: str) -> Plan:
    """How to build it. Raises BuildFailed for a package.json that does not parse, NoStartCommand."""
    package = _package(files)
    names = set(files.names())
    scripts = package.get("scripts") or {}
    reasons = ["Node.js app detected by package.json" if detect(files) else "Node.js app (--runtime node)"]
    lock = next((name for name in ("package-lock.json", "npm-shrinkwrap.json") if name in names), None)
    install = "npm ci" if lock else "npm install"
    reasons.append(f"Dependencies: {install}" + (f" ({lock})" if lock else " (no lockfile)"))
    build = next((name for name in ("heroku-postbuild", "build") if name in scripts), None)
    if build:
        reasons.append(f"Build: npm run {build}")
    dockerfile = render(
        "node.Dockerfile",
        base=base,
        manifests=[name for name in ("package.json", lock, ".npmrc") if name and name in names],
        install=install,
        build=build,
        dependencies=bool(package.get("dependencies")),
        prune=bool(package.get("devDependencies")),
    )
    types = _process_types(files, names, package, command, reasons)
    warnings = (
        []
        if lock
        else ["No package-lock.json: the next deploy may get other versions. Commit one (npm install makes it)."]
    )
    return Plan(
        "node",
        reasons,
        types,
        dockerfile,
        stack=f"node:{VERSION}",
        environment={"NODE_ENV": "production"},
        warnings=warnings,
    )


def _package(files: Files) -> dict[str, Any]:
    text = files.read("package.json")
    if text is None:
        return {}
    try:
        package = json.loads(text)
    except ValueError as error:
        raise BuildFailed(
            f"package.json does not parse: {error}", hint="mend package.json, commit, and push again"
        ) from None
    if not isinstance(package, dict):
        raise BuildFailed("package.json is not an object", hint="mend package.json, commit, and push again")
    return package


def _process_types(
    files: Files, names: set[str], package: dict[str, Any], command: str | None, reasons: list[str]
) -> dict[str, str]:
    declared = procfile.parse(files.read("Procfile") or "")
    main = package.get("main")
    if command:
        chosen, why = command, "given by --command"
    elif "web" in declared:
        chosen, why = declared["web"], "web of the Procfile"
    elif "start" in (package.get("scripts") or {}):
        chosen, why = "npm start", "the start script of package.json"
    elif isinstance(main, str) and files.has(main.removeprefix("./")):
        chosen, why = f"node {main}", "main of package.json"
    elif entry := next((name for name in ("server.js", "index.js", "app.js") if name in names), None):
        chosen, why = f"node {entry}", f"{entry} found"
    else:
        raise NoStartCommand(
            "package.json has no start script and no main, and there is no server.js",
            hint='add  "scripts": {"start": "node FILE"}  to package.json',
        )
    reasons.append(f"Start command: {chosen} ({why})")
    return {**declared, "web": chosen}
