const http = require("http");
const words = require("./build/Release/hello.node");
http.createServer((request, response) => response.end(words())).listen(process.env.PORT);
