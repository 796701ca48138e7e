import { createServer } from "node:http";

import { made } from "./tools";

createServer((_, answer) => answer.end(made)).listen(process.env.PORT);
