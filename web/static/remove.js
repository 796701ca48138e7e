// Deleting an app: its name must be typed.

import { appPath, ask, Problem } from "./api.js";
import { refresh } from "./apps.js";
import { prepare, showProblem } from "./dialogs.js";

const dialog = prepare(document.getElementById("delete"));
const form = document.getElementById("delete-form");
const confirm = document.getElementById("delete-confirm");
const problem = document.getElementById("delete-problem");
const button = form.querySelector("button[type=submit]");
let wanted = "";

/** Ask whether the app shall go. */
export function openDelete(app) {
  wanted = app;
  document.getElementById("delete-name").textContent = app;
  document.getElementById("delete-wanted").textContent = app;
  confirm.value = "";
  confirm.removeAttribute("aria-invalid");
  showProblem(problem, null);
  dialog.showModal();
  confirm.focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (confirm.value.trim() !== wanted) return refuse();
  const app = wanted;
  button.disabled = true;
  button.textContent = "Deleting…"; // a running deploy of the app ends first
  try {
    await ask(appPath(app), { method: "DELETE" });
    await refresh();
    if (dialog.open && wanted === app) dialog.close();
    document.getElementById("said").textContent = `${app} was deleted`;
    document.getElementById("apps-title").focus();
  } catch (error) {
    showProblem(problem, error instanceof Problem ? error : new Problem({ detail: String(error) }));
  } finally {
    button.disabled = false;
    button.textContent = "Delete";
  }
});

function refuse() {
  confirm.setAttribute("aria-invalid", "true");
  showProblem(problem, { title: "That is not its name", detail: `Nothing was deleted. The app is called ${wanted}.` });
  confirm.select();
}
