// How an app's deploys went, each with its transcript; one that still runs is followed.

import { appPath, ask } from "./api.js";
import { prepare } from "./dialogs.js";
import { Terminal } from "./terminal.js";
import { play } from "./transcript.js";

const dialog = prepare(document.getElementById("deploys"), () => (reading.abort(), listing.abort()));
const list = document.getElementById("deploys-list");
const state = document.getElementById("deploys-state");
const terminal = new Terminal(document.getElementById("deploys-output"));
let listing = new AbortController();
let reading = new AbortController();

/** Open the dialog with the newest deploy chosen. */
export async function openDeploys(app) {
  listing = new AbortController();
  document.getElementById("deploys-title").textContent = `Deploys of ${app}`;
  list.replaceChildren();
  terminal.clear();
  state.textContent = "";
  dialog.showModal();
  try {
    const deploys = await (await ask(appPath(app, "deploys"), { signal: listing.signal })).json();
    list.append(...deploys.map((deploy) => item(app, deploy)));
    if (deploys.length) choose(app, deploys[0], list.querySelector("button"));
    else state.textContent = "Nothing was deployed to it yet.";
  } catch (problem) {
    if (!listing.signal.aborted) state.textContent = problem.title;
  }
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
  } catch (problem) {
    if (!signal.aborted) state.textContent = problem.title ?? "The connection was cut";
  }
}
