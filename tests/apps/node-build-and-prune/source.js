const http = require("http");
const fs = require("fs");
http.createServer((request, response) => response.end([fs.readFileSync("before.txt"), fs.readFileSync("last.txt"), fs.existsSync("node_modules/is-odd")].join(" "))).listen(process.env.PORT);
