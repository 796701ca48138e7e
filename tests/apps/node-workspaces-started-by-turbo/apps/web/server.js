require("http")
  .createServer((_, answer) => answer.end("turbo hands on PORT and the config vars"))
  .listen(process.env.PORT || 3000);
