require("node:fs").writeFileSync("out/pages/index.html", `fruit from ${process.env.FRUIT}\n`);
