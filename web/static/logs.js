// What an app prints, in a dialog that follows.

import { appPath, ask, lines } from "./api.js";
import { write } from "./ansi.js";
import { prepare } from "./dialogs.js";
import { MOST, Terminal } from "./terminal.js";

const LINE = /^(\S+) (?:app|minpaas)\[([^\]]*)\]: (.*)$/s;
const AGAIN = 2000; // ms until a stream that was cut off is opened again
const dialog = prepare(document.getElementById("logs"), () => reading?.abort());
const follow = document.getElementById("logs-follow");
const state = document.getElementById("logs-state");
const terminal = new Terminal(document.getElementById("logs-output"), (on) => (follow.checked = on));
let reading = null;

follow.addEventListener("change", () => terminal.follow(follow.checked));

/** Open the dialog and follow the app until it is closed. */
export async function openLogs(app) {
  reading?.abort();
  const mine = (reading = new AbortController());
  document.getElementById("logs-title").textContent = `Logs of ${app}`;
  dialog.showModal();
  while (!mine.signal.aborted) {
    const ended = await read(app, mine.signal);
    if (mine.signal.aborted || ended) return;
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

/** Follow once; true when there is nothing more to come. */
async function read(app, signal) {
  try {
    const answer = await ask(`${appPath(app, "logs")}?n=200&follow=true`, { accept: "text/plain", signal });
    terminal.clear();
    follow.checked = true;
    state.textContent = `The last 200 lines, and each new one. At most ${MOST.toLocaleString("en")} are kept here.`;
    for await (const line of lines(answer)) terminal.add("log", line, decorate);
    state.textContent = "The stream has ended: the app was deleted, or the server stops.";
    return false;
  } catch (problem) {
    if (signal.aborted) return true;
    state.textContent = `${problem.title ?? "The connection was cut"}. ${problem.slug === "no-such-app" ? "" : "Trying again…"}`;
    return problem.slug === "no-such-app";
  }
}

function decorate(node, line) {
  const found = LINE.exec(line);
  if (!found) return write(node, line);
  const stamp = document.createElement("time");
  const at = new Date(found[1]);
  stamp.textContent = Number.isNaN(at.valueOf()) ? found[1] : at.toLocaleTimeString("en-GB");
  stamp.title = found[1];
  const process = document.createElement("span");
  process.className = "process";
  process.textContent = found[2];
  node.append(stamp, " ", process, " ");
  write(node, found[3]);
}
