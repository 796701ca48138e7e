require("http")
  .createServer((_, answer) => answer.end("kept in front by pm2-runtime"))
  .listen(process.env.PORT);
