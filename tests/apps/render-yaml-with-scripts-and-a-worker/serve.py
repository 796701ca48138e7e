"""A page."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers every path."""

    def do_GET(self) -> None:
        """The page."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"started by a script that calls uv")


HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
