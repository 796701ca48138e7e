const http = require("http");

http.createServer((request, response) => response.end("main of package.json")).listen(process.env.PORT);
