const http = require("http");

http.createServer((request, response) => response.end(require("ms")(60000) + " of the devDependencies")).listen(process.env.PORT);
