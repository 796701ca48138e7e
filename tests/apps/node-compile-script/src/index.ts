import { createServer } from "node:http";

const page: string = "made by the compile script";
createServer((_, answer) => answer.end(page)).listen(process.env.PORT);
