const http = require("http");

const name = "ms"; // nothing that reads the code sees that it is needed
http.createServer((request, response) => response.end(require(name)(60000) + " of the devDependencies")).listen(process.env.PORT);
