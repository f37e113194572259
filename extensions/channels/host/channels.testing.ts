import type { InboundItem, OutboundMessage, Receipt, TurnEvent } from "@plinth/sdk";
import { addressText } from "@plinth/sdk/kits/channel";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const channelManifest = (descriptor: object) => ({
  id: "acme.chat",
  version: "1.0.0",
  title: "Chat",
  description: "A channel of a test.",
  license: "MIT",
  engines: { plinth: "^0.1.0" },
  entry: "./index.js",
  tiers: ["isolate"],
  provides: [
    {
      contract: "plinth.channel",
      version: "1.0.0",
      id: "chat",
      descriptor: {
        title: "Chat",
        limits: { text: 500, unit: "characters" },
        format: "markdown",
        transport: "socket",
        idempotent: false,
        peers: ["person", "group"],
        ...descriptor,
      },
    },
  ],
  uses: [{ contract: "plinth.inbox", range: "^1" }],
});

export interface Options {
  descriptor?: object;
  config?: object;
  connect?: () => unknown;
  /** The bytes of what came in by an address. */
  media?: (ref: string) => AsyncIterable<{ base64: string; mimeType?: string; name?: string }>;
  send?: (message: OutboundMessage) => Receipt | Promise<Receipt>;
  /** What the turn of a text gives. */
  turn?: (text: string, submission: any, work: any) => AsyncIterable<TurnEvent>;
  interaction?: object;
  router?: object;
  /** Descriptors of the slash commands there are. */
  commands?: object[];
  /** Whether the channel is the product's own. */
  trusted?: boolean;
}

export const text = (value: string) => [{ type: "text" as const, text: value }];
export const person = (id: string) => ({ channel: "chat", account: "default", peer: { kind: "person" as const, id } });

const ROUTE = { agent: "main", harness: "native", model: "auto", workspace: "/", system: [] };
let events = 0;
export const message = (from: string, words: string, more: Partial<InboundItem> = {}): InboundItem =>
  ({
    kind: "message",
    eventId: `e${++events}`,
    at: Date.now(),
    address: person(from),
    sender: { id: from, name: from },
    id: `m${events}`,
    content: text(words),
    ...more,
  }) as InboundItem;

/** The channel host with a channel that a test drives, and turns that a test writes. */
export async function startChannels(options: Options = {}) {
  const sent: OutboundMessage[] = [];
  const kept: { text: string; mimeType: string; name: string | undefined; by: string }[] = [];
  const submitted: { text: string; runId: string; sessionKey: string; sender: string; role: string; via: string; parties: string[] }[] = [];
  let inbox: any;
  let self: any;
  const channel = {
    activate(ctx: any) {
      self = ctx;
      inbox = ctx.use("plinth.inbox").one();
      ctx.provide("plinth.channel", "chat", {
        connect: () => options.connect?.() ?? {},
        disconnect: () => ({}),
        health: () => ({ state: "connected" }),
        ...(options.media === undefined ? {} : { fetchMedia: ({ ref }: { ref: string }) => options.media?.(ref) }),
        send: async (given: OutboundMessage) => {
          if (options.send !== undefined) return options.send(given);
          sent.push(given);
          return { status: "sent", messages: [{ id: String(sent.length) }] };
        },
      });
    },
  };
  const answer =
    options.turn ??
    async function* (words: string) {
      yield { type: "end", status: "ok", text: words.toUpperCase() } as TurnEvent;
    };
  const turns = {
    async *submit(input: any, { work }: any) {
      const { role, via } = work.principal;
      submitted.push({ ...input, role, via, parties: work.influences.map((one: any) => one.party) });
      yield* answer(input.text, input, work);
    },
  };
  const put = ({ base64, mimeType, name }: { base64: string; mimeType: string; name?: string }, { work }: any) => {
    const bytes = Buffer.from(base64, "base64");
    kept.push({ text: bytes.toString(), mimeType, name, by: work.principal.via });
    return { artifact: { id: `a${kept.length}`, sha256: "0".repeat(64), bytes: bytes.length, mimeType, createdAt: 0 } };
  };
  const kernel = { snapshot: () => ({ config: { extensions: {} }, secretExists: async () => false }) };
  const host: TestHost = await createTestHost({
    extensions: [
      { manifest, extension, config: { policy: { burstMs: 0 }, ...options.config } },
      { manifest: channelManifest(options.descriptor ?? {}), extension: channel, trusted: options.trusted ?? false },
    ],
    provide: [
      { contract: "plinth.turns", provider: turns as never },
      {
        contract: "plinth.router",
        provider: { route: ({ address }: any) => ({ ...ROUTE, sessionKey: addressText(address) }), ...options.router } as never,
      },
      { contract: "plinth.kernel", provider: kernel as never },
      { contract: "plinth.artifacts", descriptor: { title: "x", durable: false }, provider: { put } as never },
      { contract: "plinth.session-store", provider: { history: () => ({ entries: [] }) } as never },
      { contract: "plinth.interaction", provider: (options.interaction ?? {}) as never },
      ...(options.commands ?? []).map((descriptor, at) => ({
        contract: "plinth.chat-command",
        id: `command-${at}`,
        descriptor,
        provider: {} as never,
      })),
    ],
    principal: { role: "owner", via: "test" },
  });
  await host.use("plinth.service").get("channels").start({});
  const until = async (holds: () => unknown): Promise<void> => {
    for (const end = Date.now() + 20_000; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 5)))
      if (Date.now() > end) throw new Error("it did not happen");
  };
  const accounts = async (): Promise<any[]> => (await (host.use("plinth.gateway-method").get("channels.list").call({}) as Promise<any>)).accounts;
  await until(async () => (await accounts())[0]?.state !== "connecting");
  return {
    host,
    sent,
    kept,
    submitted,
    until,
    accounts,
    deliver: (item: unknown): Promise<{ result: string; why?: string }> => inbox.deliver({ item }),
    report: (state: string) => inbox.report({ channel: "chat", account: "default", state }),
    channel: () => self,
    method: (id: string, params: object): Promise<any> => host.use("plinth.gateway-method").get(id).call(params) as Promise<any>,
    /** A command of the shell, as the owner. */
    shell: async (id: string, args: Record<string, string>, given: Record<string, boolean> = {}): Promise<any> => {
      const terminal = { cwd: "/", json: true, tty: false, columns: 80, color: false, local: false };
      for await (const item of host.use("plinth.cli-command").get(id).run({ args, options: given, terminal }))
        if ("result" in item) return item.result;
    },
    texts: () => sent.map(({ content: [part] }) => (part?.type === "text" ? part.text : "")),
  };
}
