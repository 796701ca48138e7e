from importlib.util import find_spec

from flask import Flask

app = Flask(__name__)


@app.get("/")
def home() -> str:
    return f"packages of pdm.lock, pytest {'also' if find_spec('pytest') else 'not'}"
