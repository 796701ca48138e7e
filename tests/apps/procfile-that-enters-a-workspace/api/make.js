const fs = require("fs");

const words = require("@well/words"); // which is built before
fs.mkdirSync("dist", { recursive: true });
fs.writeFileSync("dist/server.js", `require("http").createServer((_, r) => r.end("${words}")).listen(process.env.PORT);\n`);
