// How an app's deploys went, each with its transcript; one that still runs is followed. And the way back.

import { appPath, ask, Problem } from "./api.js";
import { refresh } from "./apps.js";
import { prepare, showProblem } from "./dialogs.js";
import { Terminal } from "./terminal.js";
import { play } from "./transcript.js";

const dialog = prepare(document.getElementById("deploys"), () => (reading.abort(), listing.abort()));
const list = document.getElementById("deploys-list");
const releases = document.getElementById("releases");
const releasesList = document.getElementById("releases-list");
const problem = document.getElementById("deploys-problem");
const state = document.getElementById("deploys-state");
const terminal = new Terminal(document.getElementById("deploys-output"));
let listing = new AbortController();
let reading = new AbortController();

/** Open the dialog with the newest deploy chosen. */
export async function openDeploys(app) {
  listing = new AbortController();
  document.getElementById("deploys-title").textContent = `Deploys of ${app}`;
  list.replaceChildren();
  releasesList.replaceChildren();
  releases.hidden = true;
  releases.open = false;
  showProblem(problem, null);
  terminal.clear();
  state.textContent = "";
  dialog.showModal();
  await listAll(app);
}

async function listAll(app) {
  const { signal } = listing;
  try {
    const made = await (await ask(appPath(app, "releases"), { signal })).json();
    const deploys = await (await ask(appPath(app, "deploys"), { signal })).json();
    releases.hidden = !made.length;
    const live = made.find((one) => one.live);
    document.getElementById("releases-title").textContent = live ? `Releases: ${live.name} is live` : "Releases";
    releasesList.replaceChildren(...made.map((one) => release(app, one)));
    list.replaceChildren(...deploys.map((deploy) => item(app, deploy)));
    if (deploys.length) choose(app, deploys[0], list.querySelector("button"));
    else state.textContent = "Nothing was deployed to it yet.";
  } catch (refused) {
    if (!signal.aborted) state.textContent = refused.title ?? "The connection was cut";
  }
}

function release(app, one) {
  const entry = document.createElement("li");
  entry.dataset.release = one.name;
  entry.append(
    part("result", one.live ? `${one.name} is live` : one.name),
    part("what", one.commit?.slice(0, 7)),
    part("reason", one.reason),
    part("when", new Date(one.created_at).toLocaleString()),
  );
  if (one.live) return entry;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `Roll back to ${one.name}`;
  button.disabled = !one.image_kept;
  if (!one.image_kept) entry.append(part("reason", "Its image is gone."));
  button.addEventListener("click", () => rollback(app, one));
  entry.append(button);
  return entry;
}

/** A new release from an old one, its transcript live beside the list. */
async function rollback(app, one) {
  reading.abort();
  const { signal } = (reading = new AbortController());
  showProblem(problem, null);
  terminal.clear();
  list.querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", "false"));
  const buttons = [...releasesList.querySelectorAll("button:enabled")];
  buttons.forEach((button) => (button.disabled = true));
  state.textContent = `Rolling back to ${one.name}…`;
  let words = "";
  try {
    const options = { method: "POST", body: { release: one.number }, accept: "text/event-stream", signal };
    const end = await play(terminal, await ask(appPath(app, "rollback"), options));
    if (!end) throw new Problem({ title: "The connection was cut", detail: "The rollback goes on by itself." });
    if (end.result !== "live") throw new Problem(end);
    words = `Live: ${app} v${end.release}, as ${one.name} was`;
  } catch (error) {
    if (signal.aborted) return;
    words = "Not rolled back.";
    showProblem(problem, error instanceof Problem ? error : new Problem({ detail: String(error) }));
  } finally {
    buttons.forEach((button) => (button.disabled = false)); // the reader may have looked elsewhere meanwhile
    refresh();
  }
  await listAll(app);
  if (!listing.signal.aborted) state.textContent = words;
  document.getElementById("releases-title").focus();
}

function item(app, deploy) {
  const entry = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  fill(button, deploy);
  button.addEventListener("click", () => choose(app, deploy, button));
  entry.append(button);
  return entry;
}

function fill(button, deploy) {
  const result = resultOf(deploy);
  button.dataset.result = result;
  button.replaceChildren(
    part("result", { live: "Live", failed: "Failed", running: "Running" }[result]),
    part("what", [deploy.release && `v${deploy.release}`, deploy.commit?.slice(0, 7)].filter(Boolean).join(" · ")),
    part("reason", result === "failed" ? deploy.reason : ""),
    part("when", new Date(deploy.started_at).toLocaleString()),
  );
}

function part(name, text) {
  const node = document.createElement("span");
  node.className = name;
  node.textContent = text ?? "";
  return node;
}

function resultOf(deploy) {
  if (deploy.step !== "ended") return "running";
  return deploy.result === "live" ? "live" : "failed";
}

async function choose(app, deploy, button) {
  reading.abort();
  const { signal } = (reading = new AbortController());
  list.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
  terminal.clear();
  state.textContent = "";
  try {
    const path = appPath(app, "deploys", deploy.id);
    const end = await play(terminal, await ask(path, { accept: "text/event-stream", signal }));
    if (end) fill(button, Object.assign(deploy, end, { step: "ended" })); // it may have run until now
  } catch (refused) {
    if (!signal.aborted) state.textContent = refused.title ?? "The connection was cut";
  }
}
