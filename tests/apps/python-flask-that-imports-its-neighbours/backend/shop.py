from catalogue import words
from flask import Flask

shop = Flask(__name__)


@shop.get("/")
def front():
    return words()
