import { createServer } from "node:http";

createServer((_, answer) => answer.end("what nodemon would run")).listen(process.env.PORT);
