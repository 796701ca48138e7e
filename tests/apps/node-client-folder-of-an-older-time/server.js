const http = require("http");

http.createServer((request, response) => response.end("x")).listen(process.env.PORT);
