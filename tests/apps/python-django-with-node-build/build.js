require("fs").writeFileSync("assets/built.css", "built by node");
