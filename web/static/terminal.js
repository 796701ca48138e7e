// A panel of lines that grows at its end: few nodes, drawn once a frame, and never scrolled under the reader's eyes.

import { write } from "./ansi.js";

export const MOST = 2000; // lines in the page; older ones go
const NEAR = 24; // pixels from the end that count as the end

/** Lines in `node`. `onFollow` is told when the reader scrolls away from the end, or back to it. */
export class Terminal {
  constructor(node, onFollow = () => {}) {
    this.node = node;
    this.following = true;
    this.waiting = [];
    this.frame = 0;
    this.top = 0;
    this.size = "";
    new ResizeObserver(() => this.following && this.#toEnd()).observe(node);
    node.addEventListener("scroll", () => this.#scrolled(onFollow), { passive: true });
  }

  /** Start anew. */
  clear() {
    this.waiting = [];
    this.node.replaceChildren();
    this.follow(true);
  }

  /** Keep the end in view from now on, or leave the view where it is. */
  follow(on) {
    this.following = on;
    if (on) this.#toEnd();
  }

  /** One line; `kind` is its class, `decorate` may fill the node itself. */
  add(kind, text, decorate = write) {
    this.waiting.push([kind, text, decorate]);
    if (this.waiting.length > MOST) this.waiting.splice(0, this.waiting.length - MOST);
    // A hidden page has no frames; what waits is bounded and drawn when it is seen again.
    this.frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.frame = 0;
    const made = document.createDocumentFragment();
    for (const [kind, text, decorate] of this.waiting.splice(0)) {
      const line = document.createElement("div");
      line.className = `line ${kind}`;
      decorate(line, text);
      if (!line.hasChildNodes()) line.append("\u200b"); // an empty line is as high as any
      made.append(line);
    }
    this.node.append(made);
    while (this.node.childElementCount > MOST) this.node.firstElementChild.remove();
    if (this.following) this.#toEnd();
  }

  #toEnd() {
    this.node.scrollTop = this.node.scrollHeight;
    this.top = this.node.scrollTop;
    this.size = this.#box();
  }

  #box() {
    return `${this.node.clientWidth} ${this.node.clientHeight}`;
  }

  /** Only the reader scrolls up: lines that come in, or a panel of a new size, move the end away, which is no wish. */
  #scrolled(onFollow) {
    const { scrollTop, scrollHeight, clientHeight } = this.node;
    const up = scrollTop < this.top - 1 && this.size === this.#box();
    this.size = this.#box();
    const atEnd = scrollTop + clientHeight >= scrollHeight - NEAR;
    this.top = scrollTop;
    if (up && !atEnd) this.following = false;
    else if (atEnd) this.following = true;
    else return;
    onFollow(this.following);
  }
}
