import { createServer } from "node:http";

const page: string = "a server that the build made";
createServer((_, answer) => answer.end(page)).listen(process.env.PORT);
