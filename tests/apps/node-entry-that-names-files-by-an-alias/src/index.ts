import { createServer } from "node:http";

import { words } from "@/words";

createServer((_, answer) => answer.end(words)).listen(Number(process.env.PORT));
