from threading import Thread

from flask import Flask

app = Flask(__name__)
counted: list[int] = []


@app.get("/")
def home() -> str:
    return f"the bot has counted {len(counted)}" if counted else "no bot is here"


def run() -> None:
    app.run(host="0.0.0.0", port=8080)


def keep_alive() -> None:
    Thread(target=run).start()
