const http = require("http");

http.createServer((request, response) => response.end("node, by its Procfile")).listen(process.env.PORT);
