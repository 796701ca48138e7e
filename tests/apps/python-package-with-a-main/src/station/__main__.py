import os
from importlib.metadata import version

from werkzeug.serving import run_simple
from werkzeug.wrappers import Response

if __name__ == "__main__":
    words = f"python -m station, version {version('station')}"
    run_simple("0.0.0.0", int(os.environ["PORT"]), Response(words))
