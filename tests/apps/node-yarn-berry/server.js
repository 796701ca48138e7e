const http = require("http");

http.createServer((request, response) => response.end(require("ms")(60000) + " by yarn 4")).listen(process.env.PORT);
