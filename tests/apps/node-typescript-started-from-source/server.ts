import http from "node:http";

const words: string = "started from TypeScript";
http.createServer((_, response) => response.end(words)).listen(process.env.PORT);
