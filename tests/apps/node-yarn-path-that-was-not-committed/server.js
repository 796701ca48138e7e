const http = require("http");

http.createServer((request, response) => response.end(require("ms")(60000) + " by a yarn that is not here")).listen(process.env.PORT);
