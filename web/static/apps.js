// The list of apps: what the server says now, asked every two seconds while the page is seen.

import { ask } from "./api.js";

const EVERY = 2000; // ms between looks
const PATIENCE = 8000; // ms until a look is given up
const WORDS = {
  created: "Not deployed yet",
  deploying: "Deploying",
  starting: "Starting",
  running: "Running",
  crashed: "Crashed",
  stopped: "Stopped",
};

const list = document.getElementById("app-list");
const rows = new Map(); // name -> <li>
const before = new Map(); // name -> the words of its status
let timer = 0;
let looks = 0;
let looking = null;
let seen = null; // when the server last answered

/** Look now, and then every two seconds while the page is seen. */
export async function refresh() {
  clearTimeout(timer);
  looking?.abort();
  const mine = (looking = new AbortController());
  const patience = setTimeout(() => mine.abort(), PATIENCE);
  try {
    const apps = await (await ask("/apps", { signal: mine.signal })).json();
    if (looks++ % 5 === 0) await lookAtRouter(mine.signal);
    show(apps);
  } catch {
    if (mine !== looking) return; // a newer look has taken over
    offline(true);
  } finally {
    clearTimeout(patience);
  }
  if (mine === looking && !document.hidden) timer = setTimeout(refresh, EVERY);
}

document.addEventListener("visibilitychange", () => !document.hidden && refresh());

/** The URL of an app that is listed, if a browser may open it. */
export function linkOf(name) {
  return rows.get(name)?.querySelector(".link").href || "";
}

/** The app whose row a node is in. */
export function nameOf(target) {
  return target.closest(".app")?.dataset.app;
}

async function lookAtRouter(signal) {
  const health = await (await ask("/healthz", { signal })).json();
  document.getElementById("router-down").hidden = health.router_alive !== false;
}

function show(apps) {
  offline(false);
  const names = new Set(apps.map((app) => app.name));
  for (const [name, row] of rows) {
    if (names.has(name)) continue;
    row.remove();
    rows.delete(name);
    before.delete(name);
  }
  for (const app of apps) {
    if (!rows.has(app.name)) insert(app.name);
    fill(rows.get(app.name), app);
  }
  list.hidden = !apps.length;
  document.getElementById("first-steps").hidden = apps.length > 0;
  document.getElementById("summary").textContent = summary(apps);
}

function insert(name) {
  const row = document.getElementById("app-row").content.firstElementChild.cloneNode(true);
  row.dataset.app = name;
  row.querySelector(".name").textContent = name;
  for (const button of row.querySelectorAll("button")) {
    button.setAttribute("aria-label", `${button.textContent} of ${name}`);
  }
  row.querySelector('[data-action="delete"]').setAttribute("aria-label", `Delete ${name}`);
  rows.set(name, row);
  const next = [...list.children].find((other) => other.dataset.app > name);
  list.insertBefore(row, next ?? null);
}

function fill(row, app) {
  row.dataset.status = app.status;
  put(row, ".word", wordsOf(app));
  put(row, ".release", app.release ? `v${app.release}` : "–");
  put(row, ".commit", app.commit ? app.commit.slice(0, 7) : "–");
  put(row, ".runtime", app.runtime ?? "–");
  const link = row.querySelector(".link");
  if (/^https?:\/\//.test(app.url) && link.getAttribute("href") !== app.url) {
    link.href = app.url;
    link.textContent = app.url.replace(/^https?:\/\//, "");
    link.setAttribute("aria-label", `Open ${app.name} at ${app.url} in a new tab`);
  }
  announce(app);
}

/** Only what changed is touched, so that a selection or the focus stays. */
function put(row, selector, text) {
  const node = row.querySelector(selector);
  if (node.textContent !== text) node.textContent = text;
}

function wordsOf({ status, exit_code: code }) {
  const word = WORDS[status] ?? status;
  return status === "crashed" && code !== null && code !== undefined ? `${word}, exit code ${code}` : word;
}

function announce(app) {
  const words = wordsOf(app);
  if (before.has(app.name) && before.get(app.name) !== words) {
    document.getElementById("said").textContent = `${app.name}: ${words}`;
  }
  before.set(app.name, words);
}

function summary(apps) {
  if (!apps.length) return "";
  const running = apps.filter((app) => app.status === "running").length;
  const crashed = apps.filter((app) => app.status === "crashed").length;
  return `${running} of ${apps.length} running` + (crashed ? `, ${crashed} crashed` : "");
}

/** An old list must not pass for a true one. */
function offline(down) {
  const box = document.getElementById("offline");
  if (!down) seen = new Date();
  document.body.classList.toggle("stale", down);
  const since = seen ? ` What is shown is from ${seen.toLocaleTimeString()}.` : "";
  const text = `The server does not answer.${since} Asking again every two seconds.`;
  if (down && box.textContent !== text) box.textContent = text; // said once, not every two seconds
  box.hidden = !down;
}
