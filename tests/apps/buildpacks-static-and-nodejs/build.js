const fs = require("fs");
fs.mkdirSync("dist", { recursive: true });
const page = fs.readFileSync("public/index.html", "utf8");
fs.writeFileSync("dist/index.html", page.replace("a template, not yet filled in", "built and served by Node.js"));
