import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect, type Gateway, newHome, say, scriptedModel, sse, startGateway } from "../e2e/lab.ts";
import type { Facts } from "./case.ts";
import { Descendants } from "./descendants.ts";
import { settleIn } from "./neighbours.ts";
import { type Ordinary, talk } from "./ordinary-turns.ts";

/** As an operator might set them, and short enough for a test. */
const CONFIG = {
  policy: { drainMs: 2_000 },
  extensions: {
    "plinth.native": { config: { toolTimeoutMs: 2_000 } },
    "plinth.tier-isolate": { config: { turnMs: 600 } },
  },
};

/** A gateway with people who talk to it, and a machine outside that holds what attacks are after. */
export interface Laboratory {
  readonly home: string;
  readonly gateway: Gateway;
  readonly facts: Facts;
  readonly client: Client;
  readonly ordinary: Ordinary;
  readonly descendants: Descendants;
  /** What owners were asked since the beginning; each is denied at once, but what the owner itself wants. */
  readonly asked: readonly any[];
  /** Where packages are made. */
  readonly desk: string;
  /** Requests that came to the loopback server or the socket and name this. */
  reached(name: string): number;
  /** Changes in the folder outside; [] = nothing. */
  touched(): Promise<string[]>;
  close(): Promise<void>;
}

export async function openLaboratory(): Promise<Laboratory> {
  const undo: (() => unknown)[] = [];
  const outside = await mkdtemp(join(tmpdir(), "plinth-outside-"));
  undo.push(() => rm(outside, { recursive: true, force: true }));
  const [inFile, inEnv, onLoopback, onSocket, ofNeighbour] = Array.from({ length: 5 }, () => `canary-${randomBytes(9).toString("hex")}`) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const secretFile = join(outside, "id_ed25519");
  await writeFile(secretFile, inFile);
  const reached: string[] = [];
  const server = createServer((request, response) => {
    reached.push(String(request.url));
    request.resume();
    response.end(onLoopback);
  });
  const socketServer = createSocketServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => reached.push(String(chunk)));
    socket.end(onSocket);
  });
  const socketPath = join(outside, "service.sock");
  await Promise.all([
    new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)),
    new Promise<void>((resolve) => socketServer.listen(socketPath, resolve)),
  ]);
  undo.push(() => socketServer.close());
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const loopbackPort = (server.address() as AddressInfo).port;

  const home = await newHome();
  await writeFile(join(home, "plinth.json"), JSON.stringify(CONFIG));
  const model = await scriptedModel((body, _request, response) => answer(body, response));
  const gateway = await startGateway(home, { ...model.env, HOSTILE_SECRET: inEnv, NODE_OPTIONS: process.env.PLINTH_HOSTILE_NODE ?? "" });
  const descendants = new Descendants(gateway.pid);
  const clients = await Promise.all(Array.from({ length: 4 }, () => connect(gateway)));
  const desk = join(home, "desk");
  await mkdir(desk);
  const facts: Facts = {
    ...{ secretFile, outside, home, socketPath, loopbackPort, loopbackUrl: `http://127.0.0.1:${loopbackPort}` },
    ...{ gatewayPid: gateway.pid, gatewayUrl: gateway.url, envName: "HOSTILE_SECRET" },
    ...{ neighbour: "neighbour.process", neighbourData: join(home, "state", "neighbour.process") },
    canaries: [inFile, inEnv, onLoopback, onSocket, ofNeighbour, gateway.token],
  };
  const before = await outsideFiles(outside);
  const client = await connect(gateway);
  const asked = watchApprovals(await connect(gateway));
  await settleIn(client, desk, ofNeighbour);
  return {
    ...{ home, gateway, facts, descendants, desk, client, asked },
    ordinary: talk(clients),
    reached: (name) => reached.filter((one) => one.includes(name)).length,
    touched: async () => differences(before, await outsideFiles(outside)),
    async close() {
      descendants.stop();
      for (const step of undo.reverse()) await step();
    },
  };
}

/** What the owner wants done, whoever else is in the house. */
const ALLOWED: ReadonlySet<unknown> = new Set(["echo fine"]);

/** The owner says no to all else, and remembers what it was. */
function watchApprovals(client: Client): any[] {
  const asked: any[] = [];
  void client
    .request("approvals.watch", {}, ({ state, request }) => {
      if (state !== "asked") return;
      asked.push(request);
      void client
        .request("approvals.answer", { id: request.id, digest: request.digest, option: ALLOWED.has(request.action.args.command) ? "once" : "deny" })
        .catch(() => {});
    })
    .catch(() => {});
  return asked;
}

const textOf = ({ content }: any): string => (typeof content === "string" ? content : (content ?? []).map((part: any) => part.text ?? "").join(""));

/** `say WORDS` is answered with WORDS, `use TOOL {…}` asks for the tool and then says what it saw; `listen KEY` obeys whatever orders with that key it is shown. */
function answer(body: any, response: any): unknown {
  const last = body.messages.at(-1);
  const text = textOf(last);
  const order = orderIn(body);
  if (order !== undefined) return sse.head(response).end(sse.call(`call-${randomBytes(6).toString("hex")}`, order.name, order.args) + sse.done);
  // Whose words they are is for the model; what it says of them is the text.
  if (last.role === "tool") return say(response, `saw ${text.replace(/^\[From [^\]]*\]\n/, "").slice(0, 200)}`);
  const use = /^(?:\[[^\]]*\]\n)*use (\S+)(?: (\{.*\}))?(?: listen \S+)?$/s.exec(text);
  if (use !== null)
    return sse.head(response).end(sse.call(`call-${randomBytes(6).toString("hex")}`, use[1] as string, JSON.parse(use[2] ?? "{}")) + sse.done);
  return say(response, /say ([\s\S]*)$/.exec(text)?.[1] ?? "what?");
}

/** `OBEY:key:{"name": …, "args": …}` anywhere in what a model is shown, unless it did so in this turn already. */
function orderIn({ messages, tools }: any): { name: string; args: unknown } | undefined {
  const from = messages.findLastIndex((one: any) => one.role === "user");
  const key = /listen (\S+)/.exec(textOf(messages[from] ?? {}))?.[1];
  if (key === undefined) return undefined;
  const done = messages.slice(from).flatMap((one: any) => (one.tool_calls ?? []).map(({ function: call }: any) => `${call.name} ${call.arguments}`));
  // What was ordered first comes first; what the owner wants used, before that.
  if (/(^|\n)use /.test(textOf(messages[from])) && done.length === 0) return undefined;
  for (const shown of strings([messages.map(textOf), tools ?? []])) {
    for (const [, found] of shown.matchAll(new RegExp(`OBEY:${key}:(\\{.*?\\}\\})`, "gs"))) {
      const { name, args } = JSON.parse(found as string);
      if (!done.includes(`${name} ${JSON.stringify(args)}`)) return { name, args };
    }
  }
  return undefined;
}

const strings = (value: unknown): string[] =>
  typeof value === "string" ? [value] : value !== null && typeof value === "object" ? Object.values(value).flatMap(strings) : [];

async function outsideFiles(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    found[path] = entry.isFile() ? await readFile(path, "utf8") : "no file";
  }
  return found;
}

const differences = (before: Record<string, string>, after: Record<string, string>): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((path) => before[path] !== after[path]);
