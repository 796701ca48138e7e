// The smallest Express app: one page, on the port that MinPaas gives it.
const express = require("express");

const app = express();
const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hello-node</title>
<style>
  body { font: 18px/1.6 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem; color: #1f2933; background: #f7fafc }
  h1 { font-size: 2.2rem; margin-bottom: 0 }
  pre { background: #1f2933; color: #e4f0f6; padding: 1rem; border-radius: 8px; overflow-x: auto }
</style>
<h1>Hello from Node</h1>
<p>This is <b>hello-node</b>, an Express app that <code>minpaas up</code> deployed with <code>git push</code>:
npm installed what <code>package-lock.json</code> names, and <code>npm start</code> runs it.</p>
<p>Now one of your own. In a git repository with a <code>package.json</code>, type:</p>
<pre>minpaas create myapp
git push minpaas main</pre>
</html>
`;

app.get("/", (request, response) => response.type("html").send(page));

const server = app.listen(process.env.PORT || 3000, () => console.log(`listening on port ${server.address().port}`));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
