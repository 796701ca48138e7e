const fs = require("fs");

fs.mkdirSync("build", { recursive: true });
fs.writeFileSync("build/index.html", "<p>tides, made in web/</p>\n");
