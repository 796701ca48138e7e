// A transcript in a terminal, in the voice of the push: steps stand out, what the app printed is indented.

import { events } from "./api.js";

const PREFIX = { step: "-----> ", trouble: " !     " };

/** Write a streamed transcript as it comes; returns its verdict, or null when the stream was cut. */
export async function play(terminal, answer) {
  for await (const event of events(answer)) {
    if (event.kind === "end") return JSON.parse(event.text);
    if (event.kind === "command") continue;
    // Our own words are plain text; only what was printed by others may bring colours.
    if (event.kind === "output") terminal.add("output", event.text);
    else terminal.add(event.kind, (PREFIX[event.kind] ?? "") + event.text, plain);
  }
  return null;
}

function plain(node, text) {
  node.append(text);
}
