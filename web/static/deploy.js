// The deploy form: refusals beside it, the transcript live, and a verdict that cannot be missed.

import { ask, Problem } from "./api.js";
import { linkOf, refresh } from "./apps.js";
import { showProblem } from "./dialogs.js";
import { Terminal } from "./terminal.js";
import { play } from "./transcript.js";

const form = document.getElementById("deploy-form");
const problem = document.getElementById("deploy-problem");
const verdict = document.getElementById("verdict");
const link = document.getElementById("verdict-link");
const clock = document.getElementById("verdict-time");
const button = form.querySelector("button[type=submit]");
const terminal = new Terminal(document.getElementById("deploy-output"));
// Which field a refusal is about, by the refusal's name without its dashes.
const FIELDS = { badappname: "app", badrepourl: "repo", privateaddress: "repo", badref: "ref", badcommand: "command" };
let named = false; // by a person
const CUT = {
  error: "cut",
  title: "The connection was cut",
  detail: "The deploy goes on by itself.",
  hint: "see how it ends under Deploys of the app",
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!button.disabled) deploy(wanted());
});

/** The last part of a URL makes a good name, until a person gives one. */
form.elements.repo.addEventListener("input", () => {
  if (named) return;
  const last = form.elements.repo.value.trim().replace(/\/+$|\.git\/*$/g, "").split(/[/:]/).pop().toLowerCase();
  const name = last.replace(/[^a-z0-9-]+/g, "-").replace(/^[^a-z]+|-+$/g, "");
  form.elements.app.value = name.slice(0, 63);
});

form.elements.app.addEventListener("input", ({ target }) => (named = target.value !== ""));

function wanted() {
  const entries = [...new FormData(form)].map(([key, value]) => [key, value.trim()]);
  return Object.fromEntries(entries.filter(([, value]) => value));
}

async function deploy(body) {
  const stop = begin(body.app);
  try {
    const answer = await ask("/deploy", { method: "POST", body, accept: "text/event-stream" });
    refresh(); // a new app is in the list at once
    const end = await play(terminal, answer).catch(() => null);
    if (!end) throw new Problem(CUT);
    if (end.result !== "live") throw new Problem(end);
    await refresh();
    live(end);
  } catch (error) {
    fail(error instanceof Problem ? error : new Problem({ detail: String(error) }));
  } finally {
    stop();
    refresh();
  }
}

function begin(app) {
  const started = performance.now();
  terminal.clear();
  showProblem(problem, null);
  form.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
  say("running", `Deploying ${app}…`);
  verdict.scrollIntoView({ block: "nearest" });
  button.disabled = true;
  const tell = () => (clock.textContent = `${Math.round((performance.now() - started) / 1000)} s`);
  tell();
  const ticking = setInterval(tell, 1000);
  return () => {
    clearInterval(ticking);
    button.disabled = false;
    clock.textContent = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  };
}

function live({ app, release }) {
  say("live", `Live: ${app} v${release}`);
  link.hidden = !linkOf(app);
  link.href = linkOf(app);
}

function fail(refused) {
  const words = refused.slug === "cut" ? refused.title : `Failed: ${refused.title}`;
  say("failed", words);
  showProblem(problem, refused);
  const field = form.elements[FIELDS[refused.slug.replaceAll("-", "")]];
  if (!field) return;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

function say(state, words) {
  verdict.dataset.state = state;
  document.getElementById("verdict-text").textContent = words;
  link.hidden = true;
  clock.textContent = "";
}
