"""Small applications, one a case, as files."""

PROCFILE = "web: python server.py\n"


def serving(text: str = "one", extra: str = "") -> dict[str, str | None]:
    """A web app of the standard library that answers `text`."""
    return {
        "Procfile": PROCFILE,
        "server.py": _SERVER.format(text=text, extra=extra, bind="0.0.0.0", port='int(os.environ["PORT"])'),
    }


def bound_to(bind: str, port: str = 'int(os.environ["PORT"])') -> dict[str, str | None]:
    """The same, listening elsewhere."""
    return {"Procfile": PROCFILE, "server.py": _SERVER.format(text="two", extra="", bind=bind, port=port)}


def script(source: str) -> dict[str, str | None]:
    """A web process that is this script."""
    return {"Procfile": PROCFILE, "server.py": source}


_SERVER = """\
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def do_GET(self):
        {extra}
        body = b"{text}\\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("{bind}", {port}), Handler).serve_forever()
"""
