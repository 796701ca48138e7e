"""A page that tells the version of Python."""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers every path."""

    def do_GET(self) -> None:
        """The page."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.version.encode())


HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
