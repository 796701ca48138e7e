const http = require("node:http");

http.createServer((_, answer) => answer.end(`in ${process.env.COLOUR}\n`)).listen(process.env.PORT);
