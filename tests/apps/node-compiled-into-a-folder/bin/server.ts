import { createServer } from "node:http";

const page: string = "compiled into build/";
createServer((_, answer) => answer.end(page)).listen(process.env.PORT);
