const fs = require("fs");
const odd = require("is-odd");

fs.mkdirSync("build", { recursive: true });
fs.writeFileSync("build/index.html", `built in client/, 1 is odd: ${odd(1)}`);
