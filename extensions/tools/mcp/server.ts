import { randomUUID } from "node:crypto";
import type { Client, ElicitRequest, ElicitResult, Tool } from "@modelcontextprotocol/client";
import { type Effect, errorInfo, Feed, PlinthError, type SetTool, type ToolAnswer, type ToolItem } from "@plinth/sdk";
import { ProcessTransport, type Program } from "./process-transport.ts";
import { type Keep, resultOf, toolOf } from "./wording.ts";

export interface ServerSettings extends Program {
  effects: Effect[] | undefined;
  timeoutMs: number;
  startTimeoutMs: number;
}

interface Parts {
  version: string;
  now(): number;
  log(message: string, fields: Record<string, unknown>): void;
  /** Its tools are other ones now, or there again. */
  changed(): void;
}

/** Whose call it is. */
export interface Asker {
  /** The same for all calls of one conversation and one principal, and for no others. */
  who: string;
  /** What the server asks can be taken to the owner for it. */
  asked: boolean;
}

interface Running extends Asker {
  feed: Feed<ToolItem>;
}

interface Connection {
  client: Client;
  transport: ProcessTransport;
  since: number;
}

const MOST_TOOLS = 1_000;
const MOST_PAGES = 100;
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
/** No call takes longer; what was given up may go on in the server until then. */
const LONGEST_CALL_MS = 600_000;
/** Whoever ran that long is well. */
const WELL_MS = 30_000;

/** One MCP server: started at its first use, and again with growing pauses when it ends by itself. */
export class Server {
  readonly name: string;
  readonly #settings: ServerSettings;
  readonly #parts: Parts;
  readonly #calls = new Set<Running>();
  /** By whose call was given up without an answer: until when it may still run in the server. */
  readonly #givenUp = new Map<string, number>();
  /** By id: which call asks, and how the server is told. */
  readonly #questions = new Map<string, { feed: Feed<ToolItem>; tell(answer: ElicitResult): void }>();
  #connection: Promise<Connection> | undefined;
  #failures = 0;
  #notBefore = 0;
  /** What it wrote before it ended last. */
  #lastWords = "";
  #again: NodeJS.Timeout | undefined;
  /** Names, of the list that was read last. */
  #tools: ReadonlySet<string> | undefined;
  #closed = false;

  constructor(name: string, settings: ServerSettings, parts: Parts) {
    this.name = name;
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Begin to start it, where it does not run; how that goes, whoever uses it hears. */
  start(): void {
    this.#connected().catch(() => {});
  }

  async list(): Promise<SetTool[]> {
    const { client } = await this.#connected();
    const found: Tool[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES && found.length < MOST_TOOLS; page++) {
      const params = cursor === undefined ? {} : { cursor };
      const answer = await this.#owned(client.request({ method: "tools/list", params }, { timeout: this.#settings.startTimeoutMs }));
      found.push(...answer.tools);
      if (answer.nextCursor === undefined) break;
      cursor = answer.nextCursor;
    }
    const { effects, timeoutMs } = this.#settings;
    this.#tools = new Set(found.map(({ name }) => name));
    return found.slice(0, MOST_TOOLS).flatMap((tool) => toolOf(this.name, tool, effects, timeoutMs) ?? []);
  }

  /** One call: how far it is, what it asks, its result. */
  async *run(tool: string, args: Record<string, unknown>, asker: Asker, signal: AbortSignal, keep: Keep): AsyncGenerator<ToolItem> {
    if (this.#tools === undefined) await this.list();
    if (this.#tools?.has(tool) !== true) throw this.#unknown(tool);
    const { client } = await this.#connected();
    signal.throwIfAborted();
    const feed = new Feed<ToolItem>();
    const running: Running = { ...asker, feed };
    const mayRunUntil = this.#parts.now() + LONGEST_CALL_MS;
    let over = false;
    const controller = new AbortController();
    const stop = (): void => controller.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    this.#calls.add(running);
    const onprogress = ({ progress, total, message }: { progress: number; total?: number | undefined; message?: string | undefined }): void =>
      feed.push({
        ...{ type: "progress", done: progress },
        ...(total === undefined ? {} : { total }),
        ...(message === undefined ? {} : { text: message.slice(0, 2_000) }),
      });
    // The host holds the time, and stops it while a person is asked.
    const options = { signal: controller.signal, onprogress, timeout: 2_147_483_647 };
    this.#owned(client.request({ method: "tools/call", params: { name: tool, arguments: args } }, options))
      .finally(() => {
        over = !controller.signal.aborted;
      })
      .then(async (result) => {
        feed.push({ type: "result", result: await resultOf(result, keep) });
        feed.end();
      })
      .catch((error) => feed.end({ error: signal.aborted ? signal.reason : error }));
    try {
      yield* feed.read();
    } finally {
      this.#calls.delete(running);
      if (!over) this.#givenUp.set(asker.who, mayRunUntil);
      // Whoever would answer is gone with the call.
      for (const [id, one] of this.#questions) if (one.feed === feed) this.answer({ id, answer: "cancelled" });
      signal.removeEventListener("abort", stop);
      // What is given up is told to the server; what is over does not hear it any more.
      controller.abort();
    }
  }

  answer({ id, answer, values }: Omit<ToolAnswer, "callId">): void {
    const asked = this.#questions.get(id);
    this.#questions.delete(id);
    const action = answer === "chosen" ? "accept" : answer === "declined" ? "decline" : "cancel";
    asked?.tell({ action, ...(action === "accept" && values !== undefined ? { content: values as NonNullable<ElicitResult["content"]> } : {}) });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#again);
    const { client } = (await this.#connection?.catch(() => undefined)) ?? {};
    await client?.close();
  }

  #connected(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection;
    if (this.#closed || this.#parts.now() < this.#notBefore) {
      const when = new Date(this.#notBefore).toISOString().slice(11, 19);
      return Promise.reject(this.#away(`It is started again after ${when} UTC.`, this.#lastWords));
    }
    const connecting = this.#connect();
    this.#connection = connecting;
    connecting.catch(() => {
      if (this.#connection === connecting) this.#lost(false);
    });
    return connecting;
  }

  async #connect(): Promise<Connection> {
    // A large library: loaded when there is a server, not when the host starts.
    const { Client } = await import("@modelcontextprotocol/client");
    const transport = new ProcessTransport(this.#settings);
    const client = new Client(
      { name: "plinth", version: this.#parts.version },
      {
        capabilities: { elicitation: { form: {}, url: {} } },
        // Schemas of others are looked at by the host, away from this thread.
        jsonSchemaValidator: { getValidator: () => (data) => ({ valid: true, data: data as never, errorMessage: undefined }) },
        listChanged: { tools: { autoRefresh: false, onChanged: () => this.#parts.changed() } },
      },
    );
    client.setRequestHandler("elicitation/create", (request, { mcpReq }) => this.#ask(request, mcpReq.signal));
    client.onerror = (error) =>
      this.#parts.log("An MCP server wrote what cannot be read.", { server: this.name, message: error.message.slice(0, 500) });
    try {
      await client.connect(transport, { timeout: this.#settings.startTimeoutMs });
    } catch (thrown) {
      await transport.close();
      this.#lastWords = transport.lastWords;
      throw this.#away(errorInfo(thrown).message, this.#lastWords);
    }
    const connection: Connection = { client, transport, since: this.#parts.now() };
    client.onclose = () => {
      this.#lastWords = transport.lastWords;
      if (!this.#closed) this.#lost(this.#parts.now() - connection.since > WELL_MS);
    };
    return connection;
  }

  /** It ended, or did not start: tried again after a pause, which grows while it does not stay. */
  #lost(well: boolean): void {
    this.#connection = undefined;
    this.#givenUp.clear();
    this.#failures = well ? 1 : this.#failures + 1;
    const pause = Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** (this.#failures - 1));
    this.#notBefore = this.#parts.now() + pause;
    if (this.#closed) return;
    this.#parts.log("An MCP server ended; it is started again.", { server: this.name, pauseMs: pause, words: this.#lastWords.slice(-500) });
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      this.#notBefore = 0;
      this.#connected().then(
        () => this.#parts.changed(),
        () => {},
      );
    }, pause).unref();
  }

  /**
   * A server does not say in which of its calls it asks. Where all that may run are one party's, it is in the latest; else
   * it could be anybody's, and nobody is asked.
   */
  #ask({ params }: ElicitRequest, signal: AbortSignal): Promise<ElicitResult> | ElicitResult {
    const now = this.#parts.now();
    for (const [who, until] of this.#givenUp) if (until <= now) this.#givenUp.delete(who);
    const calls = [...this.#calls];
    const { feed, asked } = calls.at(-1) ?? { feed: undefined, asked: false };
    const whose = new Set([...calls.map(({ who }) => who), ...this.#givenUp.keys()]);
    if (feed === undefined || whose.size > 1 || !asked) {
      const text = `${this.name} asked something, which was not passed on: ${asked ? "calls of others may have caused it" : "nobody can be asked for this call"}.`;
      for (const one of calls) one.feed.push({ type: "progress", text });
      this.#parts.log("A question of an MCP server was not asked.", { server: this.name, parties: whose.size });
      return { action: "cancel" };
    }
    // Whoever answers was told it: it cannot be guessed.
    const id = randomUUID();
    const told = new Promise<ElicitResult>((resolve) => {
      this.#questions.set(id, { feed, tell: resolve });
      signal.addEventListener("abort", () => this.answer({ id, answer: "cancelled" }), { once: true });
    });
    const { message } = params;
    const way = "url" in params ? { url: params.url } : { schema: params.requestedSchema as Record<string, unknown> & { type: "object" } };
    feed.push({ type: "ask", question: { id, message: message.slice(0, 4_000), ...way } });
    return told;
  }

  async #owned<T>(asking: Promise<T>): Promise<T> {
    try {
      return await asking;
    } catch (thrown) {
      const { code, message } = thrown as { code?: unknown; message: string };
      // JSON-RPC's codes are numbers: the server answered, and said no.
      if (typeof code === "number") {
        throw new PlinthError("PLINTH_TOOL_SOURCE", `The MCP server ${this.name} answered: ${message.slice(0, 500)}`, {
          next: "Look at what it was given.",
          cause: thrown,
        });
      }
      throw this.#away(message);
    }
  }

  #unknown(tool: string): PlinthError {
    return new PlinthError("PLINTH_TOOL_UNKNOWN", `The MCP server ${this.name} has no tool ${JSON.stringify(tool.slice(0, 80))}.`, {
      next: "`plinth tools list` shows what there is.",
    });
  }

  #away(why: string, words = ""): PlinthError {
    const said = words === "" ? "" : ` It wrote: ${words.slice(-300)}`;
    return new PlinthError("PLINTH_TOOL_SOURCE", `The MCP server ${this.name} cannot be used now. ${why.slice(0, 500)}${said}`, {
      next: `Check extensions["plinth.mcp"].config.servers["${this.name}"], and run its command line in a shell.`,
    });
  }
}
