from fastapi import FastAPI


def application_of(words: str) -> FastAPI:
    app = FastAPI()
    app.get("/")(lambda: f"made by {words}")
    return app
