import { createServer } from "node:http";

const page: string = "built by the script that render.yaml names";
createServer((_, answer) => answer.end(page)).listen(process.env.PORT);
