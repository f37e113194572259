/** One message's way through the house: each step a call of a contract or a hook, held against the manifests by a test. */
import { arrow, box, life, picture, text } from "./svg.mjs";

/** Who takes part, from left to right. A name without a dot stands for whoever fills that role. */
export const PARTIES = [
  { id: "person", title: "somebody" },
  { id: "plinth.gateway", title: "gateway" },
  { id: "plinth.runs", title: "runs" },
  { id: "plinth.router", title: "router" },
  { id: "plinth.sessions", title: "sessions" },
  { id: "plinth.native", title: "harness" },
  { id: "plinth.models", title: "models" },
  { id: "plinth.tools", title: "tools" },
  { id: "plinth.files", title: "tool" },
];

/** In order. `call`: a method of a contract that `from` uses and `to` provides; `hook`: one that `from` fires. */
export const WAY = [
  { from: "person", to: "plinth.gateway", say: "a message, over /ws" },
  { from: "plinth.gateway", to: "plinth.runs", call: ["plinth.gateway-method", "open"] },
  { from: "plinth.runs", to: "plinth.router", call: ["plinth.router", "route"] },
  { from: "plinth.runs", hook: "message.received" },
  { from: "plinth.runs", to: "plinth.sessions", call: ["plinth.session-store", "claim"] },
  { from: "plinth.runs", hook: "turn.prepare" },
  { from: "plinth.runs", to: "plinth.native", call: ["plinth.harness", "run"] },
  { from: "plinth.native", hook: "prompt.build" },
  { from: "plinth.native", to: "plinth.models", call: ["plinth.models", "stream"] },
  { from: "plinth.native", hook: "tool.before" },
  { from: "plinth.native", to: "plinth.tools", call: ["plinth.tool-catalog", "run"] },
  { from: "plinth.tools", to: "plinth.files", call: ["plinth.tool", "call"] },
  { from: "plinth.native", hook: "tool.after" },
  { from: "plinth.runs", to: "plinth.sessions", call: ["plinth.session-store", "append"] },
  { from: "plinth.runs", hook: "message.sending" },
  { from: "plinth.runs", to: "plinth.sessions", call: ["plinth.session-store", "release"] },
  { from: "plinth.runs", to: "plinth.gateway", say: "one end event" },
  { from: "plinth.gateway", to: "person", say: "the answer" },
];

const STEP = 30;
const TOP = 64;
const COLUMN = 104;

export function messagePicture() {
  const width = PARTIES.length * COLUMN + 8;
  const bottom = TOP + WAY.length * STEP;
  const middle = (id) => PARTIES.findIndex((one) => one.id === id) * COLUMN + COLUMN / 2 + 4;
  const parts = PARTIES.flatMap(({ id, title }) => [
    life(middle(id), 46, bottom),
    box("box", middle(id) - 48, 12, 96, 34),
    text(middle(id), 34, title),
  ]);
  WAY.forEach(({ from, to, call, hook, say }, at) => {
    const y = TOP + at * STEP + 16;
    const [start, end] = [middle(from), to === undefined ? 0 : middle(to)];
    if (hook !== undefined) {
      parts.push(box("hook", start - 62, y - 14, 124, 20), text(start, y, hook, { soft: true }));
      return;
    }
    const [near, far] = end > start ? [start + 3, end - 3] : [start - 3, end + 3];
    const label = call === undefined ? say : call.join(" · ").replace(/^plinth\./, "");
    parts.push(arrow(near, y + 4, far, y + 4), text((start + end) / 2, y - 2, label, { soft: true }));
  });
  const said = WAY.map(({ from, to, call, hook, say }) =>
    hook === undefined ? `${from} to ${to}: ${call?.join(" ") ?? say}` : `${from} fires ${hook}`,
  ).join("; ");
  return picture({ width, height: bottom + 12, title: "One message's way", description: `${said}.` }, parts);
}
