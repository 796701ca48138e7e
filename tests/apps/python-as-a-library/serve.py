"""Needs what uWSGI and eventlet find on any machine: libpython, and the names of protocols."""

import ctypes
import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

ctypes.CDLL(f"libpython3.{sys.version_info.minor}.so.1.0")
SAID = f"Python is a library as well, tcp is {socket.getprotobyname('tcp')}"


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(SAID.encode())


HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Page).serve_forever()
