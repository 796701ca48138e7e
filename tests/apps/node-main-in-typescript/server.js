require("http").createServer((_, response) => response.end("not the main")).listen(process.env.PORT);
