import { mkdirSync, writeFileSync } from "node:fs";

const folder = ["made", "pages"].join("/");
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}/index.html`, "<p>pages where nobody expects them</p>");
