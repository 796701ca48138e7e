const http = require("http");

http.createServer((request, response) => response.end(require("child_process").execFileSync("/usr/games/cowsay", ["from the Aptfile"]))).listen(process.env.PORT);
