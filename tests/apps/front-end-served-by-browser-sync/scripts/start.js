const path = require("node:path");
const { spawn } = require("node:child_process");

const browserSync = path.resolve(__dirname, "../node_modules/.bin/browser-sync");
spawn(browserSync, ["dist", "-w"], { stdio: "inherit" });
