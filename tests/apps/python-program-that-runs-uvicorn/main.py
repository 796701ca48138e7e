import os

import uvicorn
from fastapi import FastAPI

app = FastAPI()
app.get("/")(lambda: "started by uvicorn.run(app)")

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ["PORT"]))
