import os

from flask import Flask

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]


@app.get("/")
def page():
    return f"{os.environ['GREETING']}, a secret of {len(app.secret_key)}, {os.environ.get('ALLOWED_HOSTS', 'any')} host"
