import bottle

app = bottle.Bottle()
app.route("/")(lambda: "frozen on Ubuntu and on Windows")
