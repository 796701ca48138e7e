// Config vars of an app: masked until asked for, changed several at once, and the release that this makes shown live.

import { appPath, ask, Problem } from "./api.js";
import { refresh } from "./apps.js";
import { prepare, showProblem } from "./dialogs.js";
import { Terminal } from "./terminal.js";
import { play } from "./transcript.js";

const MASK = "••••";
const CUT = {
  error: "cut",
  title: "The connection was cut",
  detail: "The change goes on by itself.",
  hint: "see how it ends under Deploys of the app",
};
const dialog = prepare(document.getElementById("config"), close);
const list = document.getElementById("config-list");
const form = document.getElementById("config-form");
const fields = document.getElementById("config-fields");
const problem = document.getElementById("config-problem");
const state = document.getElementById("config-state");
const terminal = new Terminal(document.getElementById("config-output"));
const save = form.querySelector("button[type=submit]");
let opened = new AbortController();
let wanted = "";
let busy = false;

/** Open the dialog with the names of what is set. */
export async function openConfig(app) {
  opened = new AbortController();
  wanted = app;
  document.getElementById("config-title").textContent = `Config of ${app}`;
  terminal.node.hidden = true;
  state.textContent = "";
  clearForm();
  dialog.showModal();
  await guarded(opened.signal, reload);
}

/** No value stays in the page when the dialog is closed. */
function close() {
  opened.abort();
  working(false);
  list.replaceChildren();
  fields.replaceChildren();
  terminal.clear();
}

async function values(signal) {
  return (await ask(appPath(wanted, "config"), { signal })).json();
}

async function reload(signal) {
  const names = Object.keys(await values(signal)).sort();
  list.replaceChildren(...names.map(row));
  list.hidden = !names.length;
  if (!names.length && terminal.node.hidden) state.textContent = "No config vars are set.";
}

function row(name) {
  const node = document.getElementById("config-row").content.firstElementChild.cloneNode(true);
  node.dataset.name = name;
  node.querySelector(".name").textContent = name;
  node.querySelector(".sure span").textContent = `Unset ${name}? This makes a release.`;
  for (const button of node.querySelectorAll("button")) {
    button.setAttribute("aria-label", `${button.textContent} ${button.dataset.do === "keep" ? "" : name}`.trim());
  }
  mask(node);
  return node;
}

function mask(node) {
  put(node, MASK, "masked");
  const button = node.querySelector("[data-do=show]");
  button.textContent = "Show";
  button.setAttribute("aria-label", `Show ${node.dataset.name}`);
}

function put(node, text, kind) {
  const shown = node.querySelector(".value");
  shown.className = `value ${kind}`;
  shown.textContent = text;
}

const DOING = {
  show: async (node, signal) => {
    if (!node.querySelector(".masked")) return mask(node);
    const value = await one(node, signal);
    put(node, value || "(empty)", value ? "" : "none");
    const button = node.querySelector("[data-do=show]");
    button.textContent = "Hide";
    button.setAttribute("aria-label", `Hide ${node.dataset.name}`);
  },
  change: async (node, signal) => {
    const value = await one(node, signal);
    if (value.includes("\r")) {
      const hint = `minpaas config:edit -a ${wanted}`;
      throw new Problem({ title: "This page cannot change that value", detail: "It holds carriage returns, which a field does not keep.", hint });
    }
    const empty = [...fields.children].find((field) => isEmpty(field)) ?? addField();
    empty.querySelector("input").value = node.dataset.name;
    empty.querySelector("textarea").value = value;
    empty.querySelector("textarea").focus();
  },
  ask: (node) => sure(node, true),
  keep: (node) => sure(node, false),
  unset: (node) => change({ [node.dataset.name]: null }),
};

async function one(node, signal) {
  const value = Object.entries(await values(signal)).find(([name]) => name === node.dataset.name)?.[1];
  if (value === undefined) throw new Problem({ title: `${node.dataset.name} is not set any more` });
  return value;
}

function sure(node, asked) {
  node.querySelector(".doing:not(.sure)").hidden = asked;
  node.querySelector(".sure").hidden = !asked;
  node.querySelector(asked ? "[data-do=keep]" : "[data-do=ask]").focus();
}

list.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-do]");
  if (button) guarded(opened.signal, (signal) => DOING[button.dataset.do](button.closest("li"), signal));
});

function addField() {
  const field = document.getElementById("config-field").content.firstElementChild.cloneNode(true);
  fields.append(field);
  field.querySelector("legend").textContent = `Config var ${fields.childElementCount}`;
  return field;
}

function clearForm() {
  fields.replaceChildren();
  addField();
  showProblem(problem, null);
}

document.getElementById("config-more").addEventListener("click", () => addField().querySelector("input").focus());

function isEmpty(field) {
  return !field.querySelector("input").value.trim() && !field.querySelector("textarea").value;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = [...fields.children]
    .filter((field) => !isEmpty(field))
    .map((field) => [field.querySelector("input").value.trim(), field.querySelector("textarea").value]);
  const twice = given.map(([name]) => name).find((name, at, names) => names.indexOf(name) !== at);
  if (!given.length) {
    showProblem(problem, { title: "There is nothing to save", detail: "Give a name, and a value unless it is empty." });
    fields.querySelector("input").focus();
  } else if (twice !== undefined) {
    showProblem(problem, { title: "A name is there twice", detail: `${twice || "An empty name"}: which value shall it have?` });
  } else {
    guarded(opened.signal, () => change(Object.fromEntries(given), clearForm));
  }
});

/** Set values, null to unset: one release, its transcript live. `after` runs when it went well. */
async function change(wantedValues, after = () => {}) {
  if (busy) return;
  const { signal } = opened;
  working(true);
  showProblem(problem, null);
  terminal.node.hidden = false;
  terminal.clear();
  state.textContent = "Saving…";
  try {
    const body = { values: wantedValues, restart: true };
    const options = { method: "PATCH", body, accept: "text/event-stream", signal };
    const end = await play(terminal, await ask(appPath(wanted, "config"), options)).catch(() => null);
    if (signal.aborted) return;
    if (!end) throw new Problem(CUT);
    if (end.result !== "live") throw new Problem(end);
    after();
    await reload(signal);
    state.textContent = end.release ? `Saved. Live: ${end.app} v${end.release}` : "Saved. The first release gets them.";
    document.getElementById("config-title").focus();
  } catch (error) {
    if (!signal.aborted) state.textContent = "Not saved.";
    throw error;
  } finally {
    if (!signal.aborted) working(false);
    refresh();
  }
}

function working(on) {
  busy = on;
  save.disabled = on;
  list.querySelectorAll("[data-do=unset]").forEach((button) => (button.disabled = on));
}

/** What is refused is shown beside the form, unless the dialog was closed meanwhile. */
async function guarded(signal, work) {
  try {
    await work(signal);
  } catch (error) {
    if (signal.aborted) return;
    showProblem(problem, error instanceof Problem ? error : new Problem({ detail: String(error) }));
    problem.scrollIntoView({ block: "nearest" });
  }
}
