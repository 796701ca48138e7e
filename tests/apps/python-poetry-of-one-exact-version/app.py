from flask import Flask

app = Flask(__name__)
app.get("/")(lambda: "built with another patch of 3.9")
