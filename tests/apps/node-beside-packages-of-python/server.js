require("http").createServer((request, response) => response.end("node, for nothing of Python starts")).listen(process.env.PORT);
