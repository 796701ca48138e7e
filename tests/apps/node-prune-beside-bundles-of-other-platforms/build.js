const { Scanner } = require("@tailwindcss/oxide");
require("fs").writeFileSync("built.txt", typeof Scanner === "function" ? "built with oxide" : "built without it");
