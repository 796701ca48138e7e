const fs = require("fs");
require("is-odd");
fs.mkdirSync("dist", { recursive: true });
fs.copyFileSync("source.js", "dist/server.js");
