"""The packages of other tools' lock files as lines of requirements, with their hashes."""

from typing import Any


def of_pipenv(name: str, told: Any) -> str:
    """One package of a Pipfile or its lock as a line of requirements."""
    if isinstance(told, str):
        return name if told == "*" else f"{name}{told if told[0] in '=<>~!' else '==' + told}"
    extras = f"[{','.join(told['extras'])}]" if told.get("extras") else ""
    marker = f" ; {told['markers']}" if told.get("markers") else ""
    if path := told.get("path") or told.get("file"):
        return f"{'-e ' if told.get('editable') else ''}{path}"
    if git := told.get("git"):
        ref = f"@{told['ref']}" if told.get("ref") else ""
        return f"{name}{extras} @ git+{git.removeprefix('git+')}{ref}{marker}"
    version = told.get("version", "*")
    hashes = "".join(f" --hash={one}" for one in told.get("hashes") or [])
    return f"{name}{extras}{'' if version == '*' else version}{marker}{hashes}"


def of_pdm(one: dict[str, Any]) -> str:
    """One package of pdm.lock as a line of requirements."""
    name, marker = str(one.get("name")), f" ; {one['marker']}" if one.get("marker") else ""
    if path := one.get("path"):
        return f"{'-e ' if one.get('editable') else ''}{path}"
    if address := one.get("git") or one.get("url"):
        ref = f"@{one['revision']}" if one.get("revision") else ""
        return f"{name} @ {'git+' if one.get('git') else ''}{address}{ref}{marker}"
    hashes = "".join(f" --hash={file['hash']}" for file in one.get("files") or [] if "hash" in file)
    return f"{name}=={one.get('version')}{marker}{hashes}"
