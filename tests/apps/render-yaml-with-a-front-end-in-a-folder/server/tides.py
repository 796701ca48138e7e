from flask import Flask

app = Flask(__name__, static_url_path="")


@app.get("/")
def page():
    return app.send_static_file("index.html")


@app.get("/api/tides")
def tides():
    return {"high": "04:12"}
