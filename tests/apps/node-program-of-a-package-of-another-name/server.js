const page = require("fs").readFileSync("page.txt");

require("http")
  .createServer((_, answer) => answer.end(page))
  .listen(process.env.PORT);
