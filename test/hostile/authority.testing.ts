import { createSocket } from "node:dgram";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Attack, Found, PackageParts, Tier } from "./case.ts";

export const uses = (...contracts: string[]): { contract: string; range: string }[] => contracts.map((contract) => ({ contract, range: "^1" }));
/** As a shell's, for those who ask as one. */
export const TERMINAL = { cwd: "/", json: true, tty: false, columns: 80, color: false, local: false };

/**
 * For the top of a module: `probe({ name: body })` tries each, and tells which of them were done. When none was, the
 * answer has the first one's code and the words of all, so that what stopped each can be read.
 */
export const PROBE = `
const probe = async (attempts) => {
  const [done, refused] = [[], {}];
  for (const [name, body] of Object.entries(attempts)) {
    try {
      const got = await body();
      done.push(name + " = " + String(typeof got === "string" ? got : JSON.stringify(got)).slice(0, 200));
    } catch (thrown) {
      refused[name] = { code: String(thrown?.code ?? thrown?.name ?? "Error"), message: String(thrown?.message ?? thrown).slice(0, 160) };
    }
  }
  const [first] = Object.values(refused);
  const text = done.length > 0 ? "DONE: " + done.join("; ") : "REFUSED " + first.code + ": " + JSON.stringify(refused);
  return { content: [{ type: "text", text }] };
};
const drain = async (items) => {
  const all = [];
  for await (const one of items) all.push(one);
  return all;
};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
`;

/**
 * An entry that no author's tools would make: it talks to the bridge itself, past everything that the SDK refuses early.
 * `bridge`, `info`, `registrations`, `say`, `probe` and `drain` are in scope; `code` has `input` and `call` too.
 */
export const bare = (tool: string, code: string, { top = "", activate = "" } = {}): PackageParts => ({
  module: `
${top}
${PROBE}
const say = (text) => ({ content: [{ type: "text", text: String(text) }] });
export default {
  plinth: 1,
  async start(bridge, info, registrations) {
    ${activate}
    registrations.provide("plinth.tool", ${JSON.stringify(tool)}, { async call(input, call) { ${code} } });
    return { async stop() {} };
  },
};
`,
});

/**
 * For the top of a module: `forge([message, …])` puts messages of its own on the wire, below the guest's half of the
 * protocol, and `ask(method, params, meta)` does so with a call and hears its answer.
 */
export const forging = (tier: Tier): string => `
${tier === "process" ? 'import { writeSync } from "node:fs";' : ""}
const heard = new Map();
const parse = JSON.parse;
JSON.parse = (text, ...rest) => {
  const value = parse(text, ...rest);
  if (Array.isArray(value)) for (const one of value) if (Array.isArray(one) && (one[0] === "ok" || one[0] === "err")) heard.set(one[1], one);
  return value;
};
${
  tier === "process"
    ? `const wire = (body) => {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length, 0);
  let rest = Buffer.concat([head, bytes]);
  while (rest.length > 0) {
    try { rest = rest.subarray(writeSync(3, rest)); } catch (thrown) { if (thrown.code !== "EAGAIN") throw thrown; }
  }
};`
    : `// Only strings leave an isolate, and its half of the protocol joins them with the isolate's own Array.
const join = Array.prototype.join;
let nudge = () => {};
const wire = (body) => {
  Array.prototype.join = function () {
    Array.prototype.join = join;
    return body.slice(1, -1);
  };
  nudge();
};`
}
const forge = (messages) => wire(JSON.stringify(messages));
let nextForged = 900_000;
const ask = async (method, params, meta = {}) => {
  const id = ++nextForged;
  forge([["call", id, method, params, meta]]);
  for (let wait = 0; wait < 100 && !heard.has(id); wait++) await new Promise((resolve) => setTimeout(resolve, 10));
  const answer = heard.get(id);
  if (answer === undefined) throw Object.assign(new Error("nothing was answered"), { code: "NO_ANSWER" });
  if (answer[0] === "ok") return answer[2];
  throw Object.assign(new Error(answer[2].message), { code: answer[2].code });
};
`;

/** In `activate`: how an isolate makes its half of the protocol send something. */
export const NUDGE = 'if (typeof nudge !== "undefined") nudge = () => bridge.log("debug", "nudge", {});';

/** An attack that needs its package to be there. */
export async function installed(attack: Pick<Attack, "install">, parts?: PackageParts): Promise<void> {
  const refused = await attack.install(parts);
  if (refused !== null) throw new Error(`it could not be installed: ${refused.code}: ${refused.message}`);
}

export interface Site {
  readonly url: string;
  readonly port: number;
  readonly host: string;
  /** What arrived, with its body. */
  readonly seen: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[];
  close(): void;
}

/** A server of the attacker, or of somebody whom it is after, on loopback. */
export async function site(answer: RequestListener = (_request, response) => void response.end("reached")): Promise<Site> {
  const seen: Site["seen"] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push({ method: String(request.method), url: String(request.url), headers: request.headers, body });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, host: `127.0.0.1:${port}`, port, seen, close };
}

/** Counts datagrams that arrive on a port of loopback. */
export async function mailbox(): Promise<{ port: number; count(): number; close(): void }> {
  let arrived = 0;
  const socket = createSocket("udp4").on("message", () => arrived++);
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { port: socket.address().port, count: () => arrived, close: () => socket.close() };
}

/** Two servers; `/307?TARGET` redirects there. */
export async function withSites(body: (first: Site, second: Site) => Promise<Found>): Promise<Found> {
  const open = () =>
    site((request, response) => {
      const [, status, target] = /^\/(\d{3})\?(.*)$/.exec(String(request.url)) ?? [];
      if (status === undefined) response.end("reached");
      else response.writeHead(Number(status), { location: decodeURIComponent(String(target)) }).end();
    });
  const [first, second] = await Promise.all([open(), open()]);
  try {
    return await body(first, second);
  } finally {
    first.close();
    second.close();
  }
}
