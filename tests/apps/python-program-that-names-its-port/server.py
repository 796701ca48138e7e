from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8765


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"listens on a port of its own\n")


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Page).serve_forever()
