import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{os.environ['GREETING']}, {open('said.txt').read()}".encode())


HTTPServer(("0.0.0.0", int(sys.argv[2])), Page).serve_forever()
