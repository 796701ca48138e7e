const path = require("path");
const express = require("express");

const app = express();
app.get("/api/tides", (_, answer) => answer.json({ next: "in six hours" }));
if (process.env.NODE_ENV === "production") {
  app.use(express.static(path.join(__dirname, "../web/build")));
  app.get("*", (_, answer) => answer.sendFile(path.resolve(__dirname, "..", "web", "build", "index.html")));
}
app.listen(process.env.PORT || 5000);
