const http = require("http");

http.createServer((request, response) => response.end(require("words"))).listen(process.env.PORT);
