const fs = require("node:fs");

fs.mkdirSync("made");
fs.writeFileSync("made/index.html", `<p>made for ${process.env.SITE_NAME} by ${process.version}</p>`);
