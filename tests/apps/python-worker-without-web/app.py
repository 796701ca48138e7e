from flask import Flask

app = Flask("left over, not what the Procfile starts")
