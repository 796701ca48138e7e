require("http").createServer((request, response) => response.end("node, as render.yaml says")).listen(process.env.PORT);
