import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"reads PORT\n")


if __name__ == "__main__":
    HTTPServer(("", int(os.environ.get("PORT", "8443"))), Page).serve_forever()
