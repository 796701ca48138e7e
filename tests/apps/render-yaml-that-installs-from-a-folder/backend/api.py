import os
from pathlib import Path

import bottle

app = bottle.Bottle()


@app.get("/")
def front():
    return f"{os.environ['GREETING']}, and a secret of {len(os.environ['API_SECRET'])}, {Path('trained.txt').read_text()}"
