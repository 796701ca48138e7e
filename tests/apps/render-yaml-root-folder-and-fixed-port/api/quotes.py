"""Answers at the port that its command names; PORT is not read."""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Quotes(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["QUOTE"].encode())


HTTPServer(("0.0.0.0", int(sys.argv[-1].rpartition(":")[2])), Quotes).serve_forever()
