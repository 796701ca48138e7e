const http = require("http");

http.createServer((request, response) => response.end(process.version)).listen(process.env.PORT);
