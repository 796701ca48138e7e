from fastapi import FastAPI
from greetings import greeting

app = FastAPI()


@app.get("/")
def home() -> str:
    return greeting()
