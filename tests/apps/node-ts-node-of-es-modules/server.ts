import { createServer } from "node:http";

enum Page {
  Words = "ES modules by ts-node", // Node.js itself only strips types
}

createServer((_, answer) => answer.end(Page.Words)).listen(process.env.PORT);
