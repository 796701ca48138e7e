require("fs").writeFileSync("made.txt", `high water, ${require("is-odd")(7) ? "odd" : "even"}`);
