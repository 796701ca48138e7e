const { rspack } = require("@rspack/core");

module.exports = {
  entry: { main: "./src/main.js" },
  plugins: [new rspack.HtmlRspackPlugin({ template: "./index.html" })],
};
