from fastapi import FastAPI

from .words import words

app = FastAPI()
app.get("/")(words)
