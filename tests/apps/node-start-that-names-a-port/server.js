const { createServer } = require("node:http");

const port = Number(process.argv[3]);
createServer((_, answer) => answer.end(`as it was told, on ${port}`)).listen(port);
