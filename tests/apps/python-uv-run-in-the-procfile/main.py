"""A page."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index() -> str:
    """The page."""
    return "started by uv run"
