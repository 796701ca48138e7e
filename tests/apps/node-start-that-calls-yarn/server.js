const http = require("http");

http.createServer((request, response) => response.end(require("ms")(60000) + " by yarn, called by start")).listen(process.env.PORT);
