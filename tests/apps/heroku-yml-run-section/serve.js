const http = require("http");

http.createServer((request, response) => response.end("web of heroku.yml")).listen(process.env.PORT);
