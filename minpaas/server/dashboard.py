"""The dashboard door: one page, and the files that it loads. What it shows and changes goes through the REST API."""

import hashlib
from pathlib import Path

import jinja2
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from minpaas import __version__
from minpaas.server.errors import NotFound
from minpaas.server.settings import Settings

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"


class Assets:
    """The static files, read once. Each is asked for under the digest of all, so that modules may import each other."""

    def __init__(self, folder: Path):
        paths = sorted(path for path in folder.iterdir() if path.suffix in _TYPES)
        self._files = {path.name: path.read_bytes() for path in paths}
        digest = hashlib.sha256(b"".join(name.encode() + data for name, data in self._files.items()))
        self.version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Where a page finds the file."""
        return f"/static/{self.version}/{name}"

    def answer(self, version: str, name: str) -> Response:
        """The file: kept by browsers for good, unless the page that asks is older than this server. Raises NotFound."""
        if name not in self._files:
            raise NotFound(f"no file {name[:80]!r}", hint="load the dashboard again")
        cached = _FOREVER if version == self.version else "no-store"
        return Response(self._files[name], media_type=_TYPES[Path(name).suffix], headers={"Cache-Control": cached})


def router(settings: Settings) -> APIRouter:
    """The page at / and its files under /static."""
    web = settings.shipped("web")
    assets = Assets(web / "static")
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(web / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @pages.get("/")
    def index(request: Request) -> HTMLResponse:
        page = templates.get_template("index.html").render(
            asset=assets.url, version=__version__, host=request.headers.get("host", "")
        )
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})

    @pages.get("/static/{version}/{name}")
    def static(version: str, name: str) -> Response:
        return assets.answer(version, name)

    return pages
