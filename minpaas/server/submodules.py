"""The step that fetches the submodules of a commit, and theirs: their objects go into the app's own repository."""

import re
import urllib.parse

from minpaas.server import receive
from minpaas.server.errors import BadRepoURL, FetchFailed
from minpaas.server.git import repo
from minpaas.server.git.source import Source
from minpaas.server.machine import Machine
from minpaas.server.models import repo_url
from minpaas.server.transcript import Transcript

_DEEPEST = 8
_MOST = 200
_WHOLE = "write the whole URL (or deploy once from a URL: minpaas deploy --repo URL)"


def fetch(machine: Machine, app: str, commit: str, origin: str, transcript: Transcript) -> dict[str, str]:
    """The commits of all submodules by path. `origin` is where the commit came from, for relative URLs.

    Raises FetchFailed when one cannot be had; one without a URL in .gitmodules is only said.
    """
    found: dict[str, str] = {}
    pending = [("", commit, origin)]
    for _ in range(_DEEPEST):
        deeper = []
        for prefix, outer, base in pending:
            for path, inner, url in _declared(machine, app, outer, base, transcript):
                if len(found) >= _MOST:
                    raise FetchFailed(f"there are more than {_MOST} submodules", title="Too many submodules")
                _fetch_one(machine, app, url, inner, prefix + path, transcript)
                found[prefix + path] = inner
                deeper.append((f"{prefix}{path}/", inner, url))
        pending = deeper
    return found


def _declared(machine: Machine, app: str, commit: str, base: str, transcript: Transcript) -> list[tuple[str, str, str]]:
    """(path, commit, URL) of each submodule of a commit."""
    with Source(machine.repo(app), commit) as files:
        text = files.read(".gitmodules") or ""
        links = files.links() if text else {}
    sections = re.split(r"^\s*\[submodule [^\]]*\]", text, flags=re.M)[1:]
    told = [dict(re.findall(r"^\s*(path|url)\s*=\s*(.*?)\s*$", one, re.M)) for one in sections]
    urls = {one["path"]: one["url"] for one in told if "path" in one and "url" in one}
    for path in links.keys() - urls.keys():
        transcript.trouble(f"{path} is a git submodule without a URL in .gitmodules; its files are not in the build")
    return [
        (path, links[path], _absolute(urls[path], base, path, machine)) for path in sorted(links.keys() & urls.keys())
    ]


def _absolute(url: str, base: str, path: str, machine: Machine) -> str:
    """A URL that can be fetched from. Raises FetchFailed."""
    if url.startswith(("./", "../")):
        if not base:
            raise _failed(path, f"its URL {url} is relative, and a push does not say to what", _WHOLE)
        url = urllib.parse.urljoin(base.removesuffix(".git").rstrip("/") + "/", url)
    try:
        url = repo_url(url)
    except BadRepoURL as error:
        raise _failed(path, error.detail, "write a URL such as https://HOST/OWNER/REPO.git") from None
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "ssh" and not (machine.settings.state / "deploy_key").exists():
        return f"https://{parts.hostname}{parts.path}"  # there is no key to show: public ones answer there as well
    return url


def _fetch_one(machine: Machine, app: str, url: str, commit: str, path: str, transcript: Transcript) -> None:
    location = machine.repo(app)
    if repo.peel(location, commit):
        return
    with transcript.timed(f"Fetching the submodule {path} from {receive.without_password(url)}"):
        try:
            receive.fetch(machine, app, url, commit, transcript)
        except FetchFailed:
            receive.fetch(machine, app, url, None, transcript)  # not every server gives a commit by its id
        if not repo.peel(location, commit):
            raise _failed(
                path, f"{url} has no commit {commit[:12]}", "push the submodule's commit to its own repository"
            )


def _failed(path: str, detail: str, hint: str) -> FetchFailed:
    return FetchFailed(f"{path}: {detail}", title="A submodule could not be fetched", hint=f"{hint}, and push again")
