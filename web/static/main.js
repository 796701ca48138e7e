// Wires the page.

import "./deploy.js";
import { nameOf, refresh } from "./apps.js";
import { openConfig } from "./config.js";
import { openDeploys } from "./deploys.js";
import { openLogs } from "./logs.js";
import { openDelete } from "./remove.js";

const ACTIONS = { logs: openLogs, deploys: openDeploys, config: openConfig, delete: openDelete };

document.getElementById("app-list").addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-action]");
  if (button) ACTIONS[button.dataset.action](nameOf(button));
});

refresh();
