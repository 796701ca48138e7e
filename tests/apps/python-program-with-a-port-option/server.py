import argparse
from http.server import BaseHTTPRequestHandler, HTTPServer


class Front(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"told by --port where to listen")


parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8188)
told = parser.parse_args()
HTTPServer((told.host, told.port), Front).serve_forever()
