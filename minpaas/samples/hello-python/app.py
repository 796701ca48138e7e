"""The smallest Flask app: one page. The Procfile says how it is started."""

from flask import Flask

app = Flask(__name__)

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hello-python</title>
<style>
  body { font: 18px/1.6 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem; color: #1f2933; background: #f7fafc }
  h1 { font-size: 2.2rem; margin-bottom: 0 }
  pre { background: #1f2933; color: #e4f0f6; padding: 1rem; border-radius: 8px; overflow-x: auto }
</style>
<h1>Hello from Python</h1>
<p>This is <b>hello-python</b>, a Flask app that <code>minpaas up</code> deployed with <code>git push</code>:
the packages of <code>requirements.txt</code> were installed, and the <code>Procfile</code> says how to run it.</p>
<p>Now one of your own. In a git repository with a <code>requirements.txt</code> and a <code>Procfile</code>, type:</p>
<pre>minpaas create myapp
git push minpaas main</pre>
</html>
"""


@app.get("/")
def home() -> str:
    """The page."""
    return PAGE
