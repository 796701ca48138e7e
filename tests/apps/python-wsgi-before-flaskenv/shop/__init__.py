from flask import Flask


def create_app(configuration: str = "development") -> Flask:
    app = Flask(__name__)
    app.get("/")(lambda: f"the shop of {configuration}\n")
    return app
