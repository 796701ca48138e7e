import { createServer } from "node:http";

const words: string = "compiled, though nobody said so";
createServer((_, answer) => answer.end(words)).listen(Number(process.env.PORT));
