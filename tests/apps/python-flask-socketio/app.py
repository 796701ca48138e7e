from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)
socketio = SocketIO(app)
visitors = {"seen": 0}


@app.get("/")
def front():
    return "sockets, in one process"


@socketio.event
def connect():
    visitors["seen"] += 1


if __name__ == "__main__":
    socketio.run(app)
