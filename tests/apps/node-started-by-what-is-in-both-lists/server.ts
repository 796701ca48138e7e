import { createServer } from "node:http";

createServer((request, response) => response.end("started by what is in both lists")).listen(process.env.PORT);
