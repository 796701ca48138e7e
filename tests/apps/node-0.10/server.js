var http = require("http");

http.createServer(function (request, response) { response.end(process.version + " " + require("ms")(60000)); }).listen(process.env.PORT);
