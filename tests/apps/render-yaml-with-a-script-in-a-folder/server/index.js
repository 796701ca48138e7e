const http = require("node:http");

http.createServer((_, answer) => answer.end(`a script of a folder, ${require("ms")(60000)}\n`)).listen(process.env.PORT);
