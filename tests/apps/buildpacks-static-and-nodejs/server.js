const fs = require("fs");
const page = fs.readFileSync("dist/index.html");
require("http").createServer((_, response) => response.end(page)).listen(process.env.PORT);
