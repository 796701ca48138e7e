// What all dialogs share: opened as modal, closed by Escape, by a button, or by a click beside them.

/** Wire a dialog once. `onClose` runs however it is closed. */
export function prepare(dialog, onClose = () => {}) {
  let beside = false; // a selection that is dragged out of a field ends beside it, and is no wish to close
  dialog.addEventListener("close", onClose);
  dialog.addEventListener("pointerdown", (event) => (beside = event.target === dialog && outside(dialog, event)));
  dialog.addEventListener("click", (event) => {
    const left = beside && event.target === dialog && outside(dialog, event);
    if (event.target.closest("[data-close]") || left) dialog.close();
  });
  return dialog;
}

function outside(dialog, { clientX, clientY }) {
  const box = dialog.getBoundingClientRect();
  return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
}

/** Show what was refused in a box: title, detail and the next command; null hides it. */
export function showProblem(box, problem) {
  box.hidden = !problem;
  box.replaceChildren();
  for (const part of problem ? ["title", "detail", "hint"] : []) {
    if (!problem[part]) continue;
    const line = document.createElement(part === "title" ? "strong" : "p");
    line.className = part;
    line.textContent = (part === "hint" ? "Next: " : "") + problem[part];
    box.append(line);
  }
}
