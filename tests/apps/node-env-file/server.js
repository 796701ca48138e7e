require("http")
  .createServer((_, answer) => answer.end("config vars in the place of .env"))
  .listen(process.env.PORT);
