const http = require("http");

http.createServer((request, response) => response.end(require("ms")(60000) + " without husky")).listen(process.env.PORT);
