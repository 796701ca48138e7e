const page = require("fs").readFileSync("dist/page.txt");

require("http")
  .createServer((_, answer) => answer.end(page))
  .listen(process.env.PORT);
