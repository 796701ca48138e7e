// The REST API as the page speaks it: JSON in and out, transcripts and logs as streams.

/** What the server refused, in its one shape: title, detail and hint. */
export class Problem extends Error {
  constructor({ error = "", title = "Something went wrong", detail = "", hint = "" }) {
    super(title);
    Object.assign(this, { slug: error, title, detail, hint });
  }
}

const UNREACHABLE = {
  error: "unreachable",
  title: "The server does not answer",
  detail: "It may be starting, or down.",
  hint: "see with: minpaas status",
};

/** Ask, and throw a Problem unless the answer is good. Aborting throws as fetch does. */
export async function ask(path, { method = "GET", body, accept = "application/json", signal } = {}) {
  const headers = { Accept: accept };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body), cache: "no-store" });
  } catch (error) {
    throw signal?.aborted ? error : new Problem(UNREACHABLE);
  }
  if (!answer.ok) throw new Problem(await shapeOf(answer));
  return answer;
}

async function shapeOf(answer) {
  try {
    return await answer.json();
  } catch {
    return { title: "The server answered in a way that this page does not understand", detail: `HTTP ${answer.status}` };
  }
}

/** The path of an app; names come from people. */
export function appPath(name, ...rest) {
  return ["/apps", ...[name, ...rest].map(encodeURIComponent)].join("/");
}

/** Each line of a streamed answer, without its newline. Ends early, quietly, when the reader stops. */
export async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield* parts;
    }
    if (rest) yield rest;
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Each event of a transcript: {at, kind, text}; the verdict is the `end`. */
export async function* events(answer) {
  for await (const line of lines(answer)) {
    if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
  }
}
