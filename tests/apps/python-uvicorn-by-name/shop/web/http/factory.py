from fastapi import FastAPI


def build() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    def home() -> str:
        return "named for uvicorn"

    return app
