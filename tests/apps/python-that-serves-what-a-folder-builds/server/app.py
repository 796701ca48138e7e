from flask import Flask

app = Flask(__name__, static_folder="../client/dist", static_url_path="/")


@app.get("/")
def page():
    return app.send_static_file("index.html")


@app.get("/api/words")
def words():
    return {"words": "from Python"}
