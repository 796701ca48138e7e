// Colours of foreign output as classes on spans. Text goes in as text nodes only; nothing here can become markup.

const SGR = /\x1b\[([0-9;]*)m/g;
const OTHER = /\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.?)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
const MOST_SPANS = 64; // in one line; the rest of it is plain

/** Add a line of output to a node. Hidden text (SGR 8) is shown: a page must not hide what an app printed. */
export function write(node, line) {
  const text = line.slice(line.replace(/\r+$/, "").lastIndexOf("\r") + 1);
  const style = { colour: "", back: "", marks: new Set() };
  let from = 0;
  let spans = 0;
  for (const found of text.matchAll(SGR)) {
    if (++spans > MOST_SPANS) break;
    add(node, text.slice(from, found.index), style);
    change(style, found[1].split(";").map(Number));
    from = found.index + found[0].length;
  }
  add(node, text.slice(from), style);
}

function add(node, raw, { colour, back, marks }) {
  const text = raw.replace(OTHER, "");
  if (!text) return;
  const classes = [colour, back, ...marks].filter(Boolean);
  if (!classes.length) return node.append(text);
  const span = document.createElement("span");
  span.className = classes.join(" ");
  span.append(text);
  node.append(span);
}

const MARKS = { 1: "sgr-bold", 2: "sgr-dim", 3: "sgr-italic", 4: "sgr-under" };
const UNMARKS = { 22: ["sgr-bold", "sgr-dim"], 23: ["sgr-italic"], 24: ["sgr-under"] };

function change(style, codes) {
  while (codes.length) {
    const code = codes.shift();
    if (code === 0) Object.assign(style, { colour: "", back: "", marks: new Set() });
    else if (MARKS[code]) style.marks.add(MARKS[code]);
    else if (UNMARKS[code]) UNMARKS[code].forEach((mark) => style.marks.delete(mark));
    else if (code === 38 || code === 48) extended(style, code, codes);
    else if (code === 39) style.colour = "";
    else if (code === 49) style.back = "";
    else plain(style, code);
  }
}

function plain(style, code) {
  if (code >= 30 && code <= 37) style.colour = `sgr-${code - 30}`;
  if (code >= 90 && code <= 97) style.colour = `sgr-${code - 90}`;
  if (code >= 40 && code <= 47) style.back = `sgr-on-${code - 40}`;
  if (code >= 100 && code <= 107) style.back = `sgr-on-${code - 100}`;
}

/** 38;5;N and 38;2;R;G;B: the first sixteen are known, others are left as they are. */
function extended(style, code, codes) {
  const kind = codes.shift();
  if (kind === 2) return void codes.splice(0, 3);
  const number = kind === 5 ? codes.shift() : 16;
  if (number < 16) style[code === 38 ? "colour" : "back"] = `sgr-${code === 38 ? "" : "on-"}${number % 8}`;
}
