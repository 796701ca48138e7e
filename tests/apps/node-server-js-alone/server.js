const http = require("http");

http.createServer((request, response) => response.end("server.js found")).listen(process.env.PORT);
