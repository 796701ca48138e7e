const fs = require("fs");
const http = require("http");

http.createServer((request, response) => response.end(fs.readFileSync("client/build/index.html"))).listen(process.env.PORT);
