from flask import Flask


def create_app(settings=None):
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: "made by create_app()")
    return app
