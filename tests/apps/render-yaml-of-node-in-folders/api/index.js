const http = require("node:http");
const fs = require("node:fs");
const page = fs.readFileSync("../pages/dist/index.html", "utf8").trim();

http.createServer((_, answer) => answer.end(`${page}, ${require("ms")(60000)}`)).listen(process.env.PORT);
