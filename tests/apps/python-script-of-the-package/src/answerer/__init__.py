import os


def main() -> None:
    from werkzeug.serving import run_simple
    from werkzeug.wrappers import Response

    run_simple("0.0.0.0", int(os.environ["PORT"]), Response("started by its script"))
