const fs = require("node:fs");
fs.mkdirSync("dist", { recursive: true });
fs.writeFileSync("dist/index.html", `a page that was built beside Python, ${require("ms")(60000)}`);
