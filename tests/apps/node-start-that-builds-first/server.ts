import { createServer } from "node:http";

createServer((_, answer) => answer.end("compiled when it starts")).listen(Number(process.env.PORT));
