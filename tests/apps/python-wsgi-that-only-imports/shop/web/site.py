from flask import Flask


def made() -> Flask:
    site = Flask("shop")
    site.add_url_rule("/", view_func=lambda: "made far below")
    return site


site = made()
