const fs = require("fs");

fs.mkdirSync("made", { recursive: true });
fs.writeFileSync("made/by", require("os").userInfo().username);
