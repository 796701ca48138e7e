const { readFileSync } = require("fs");
const ms = require("ms");

const page = readFileSync(`${__dirname}/../pages/made.txt`, "utf8");
require("http").createServer((_, response) => response.end(`${page}, the next in ${ms(22320000)}\n`)).listen(process.env.PORT);
