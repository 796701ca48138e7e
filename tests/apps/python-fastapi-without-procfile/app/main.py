from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

api: FastAPI = FastAPI(title="found by its code")


@api.get("/", response_class=PlainTextResponse)
def home() -> str:
    return "fastapi, found by its code"
