from robyn import Robyn

app = Robyn(__file__)


@app.get("/")
async def front():
    return "served by Robyn"


if __name__ == "__main__":
    app.start(port=8080)
