// An MCP server that behaves in the way it is told to: plain, dies, child, once, flood, noise, many, picture, asks.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const [way = "plain"] = process.argv.slice(2);
const say = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const tool = (name) => ({ name, description: `Says ${name}.`, inputSchema: { type: "object" } });
const text = (value) => ({ content: [{ type: "text", text: value }] });

if (way === "dies") {
  console.error("last words");
  process.exit(3);
}
if (way === "flood") for (;;) if (!process.stdout.write("x".repeat(1_048_576))) await new Promise((resolve) => process.stdout.once("drain", resolve));
if (way === "noise") process.stdout.write("Listening …\n{\n\n[1]\n");

/** The way "asks": the calls that wait, and its open question. `ask` asks and is over with the answer; `wait` is over then too. */
const waiting = [];
let asked;

const child = way === "child" ? spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" }) : undefined;

const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "odd", version: "1" } }),
  "tools/list": () => ({
    tools: way === "many" ? Array.from({ length: 10_000 }, (_, n) => tool(`t${n}`)) : (way === "asks" ? ["ask", "wait"] : ["hello"]).map(tool),
  }),
  "tools/call": () => {
    if (way === "once") process.exit(1);
    if (way === "picture") return { content: [{ type: "image", mimeType: "image/png", data: Buffer.alloc(200_000, 7).toString("base64") }] };
    return text(child === undefined ? "hello" : `${process.pid} ${child.pid}`);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params, result } = JSON.parse(line);
  if (id === undefined) continue;
  if (id === asked) {
    for (const one of waiting.splice(0)) say({ id: one, result: text(`answered: ${JSON.stringify(result)}`) });
    continue;
  }
  if (way === "asks" && method === "tools/call") {
    waiting.push(id);
    if (params.name !== "ask") continue;
    asked = `q${id}`;
    const requestedSchema = { type: "object", properties: { sure: { type: "boolean" } } };
    say({ id: asked, method: "elicitation/create", params: { message: "Book it?", requestedSchema } });
    continue;
  }
  const answer = answers[method];
  if (answer === undefined) say({ id, error: { code: -32601, message: "no such method" } });
  else say({ id, result: answer(params) });
}
process.exit(0);
