from app import app


@app.get("/")
def home() -> str:
    return "a page of views.py\n"
