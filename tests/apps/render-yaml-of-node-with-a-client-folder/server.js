const http = require("node:http");
const fs = require("node:fs");

http.createServer((_, answer) => fs.createReadStream("client/dist/index.html").pipe(answer)).listen(process.env.PORT);
