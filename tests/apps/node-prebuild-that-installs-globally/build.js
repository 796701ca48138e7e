const fs = require("fs");

fs.mkdirSync("build", { recursive: true });
fs.writeFileSync("build/index.html", "served by a program for all");
