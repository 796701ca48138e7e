from flask import Flask

app = Flask(__name__)


@app.get("/")
def home() -> str:
    return open("after.txt").read()
