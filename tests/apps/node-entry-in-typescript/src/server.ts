import { createServer } from "node:http";

const page: string = "an entry in TypeScript";
createServer((_, answer) => answer.end(page)).listen(process.env.PORT);
