"""The command line: a client of the server's REST API. It imports nothing of the server."""
