import os
import shutil

from flask import Flask

app = Flask(__name__)


@app.get("/")
def there() -> str:
    found = [name for name in ("dot", "file") if shutil.which(name)]
    return f"{' and '.join(found)}, in {os.environ['COLOUR']}\n"
