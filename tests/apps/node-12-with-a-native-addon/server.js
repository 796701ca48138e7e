const fs = require("fs");
const words = require("./build/Release/hello.node");
const said = `${process.version} ${words()} by ${fs.readFileSync("made/by")} ${fs.readFileSync("made/odd")} ${fs.existsSync("node_modules/is-odd")}`;

require("http").createServer((request, response) => response.end(said)).listen(process.env.PORT);
