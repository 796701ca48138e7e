import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Parrot(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        words = f"{os.environ['SHADE']} {os.environ['COLOUR']}, loud: {os.environ['LOUD']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)


HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Parrot).serve_forever()
