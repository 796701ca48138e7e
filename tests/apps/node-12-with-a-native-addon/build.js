const fs = require("fs");

fs.writeFileSync("made/odd", String(require("is-odd")(1)));
