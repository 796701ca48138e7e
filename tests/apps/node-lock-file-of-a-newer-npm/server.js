const http = require("http");

http.createServer((request, response) => response.end(process.version + " " + require("ms")(60000))).listen(process.env.PORT);
