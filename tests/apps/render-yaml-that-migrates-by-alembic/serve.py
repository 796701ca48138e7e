import os
import sqlite3
from wsgiref.simple_server import make_server


def app(environ, start_response):
    start_response("200 OK", [])
    return [sqlite3.connect("ledger.db").execute("SELECT words FROM entries").fetchone()[0].encode()]


make_server("0.0.0.0", int(os.environ["PORT"]), app).serve_forever()
