import { randomBytes } from "node:crypto";
import {
  type Call,
  type Context,
  type ErrorInfo,
  errorInfo,
  type ModelOptions,
  type ModelTool,
  type Part,
  partsFrom,
  type ToolCallPart,
  type TurnEvent,
  textOf,
  type Usage,
} from "@plinth/sdk";
import type { CallMarks } from "./call-marks.ts";
import { CallNames } from "./call-names.ts";
import { type Conversation, wordsOf } from "./conversation.ts";
import { headerName, invalid } from "./fields.ts";
import { saidOf } from "./parts.ts";
import type { EndReason, Said } from "./said.ts";

export type { CitationPart, EndReason, Said } from "./said.ts";

/** A request of any dialect, checked, in Plinth's words. */
export interface Asked {
  readonly model: string;
  readonly conversation: Conversation;
  readonly options: ModelOptions;
  readonly tools: ModelTool[];
  /** Of a model itself: tools that its vendor runs. */
  readonly vendorTools: readonly VendorTool[];
  /** The key of a conversation that is remembered. */
  readonly session: string | undefined;
  /** Who the client says it speaks for. */
  readonly user: string | undefined;
  /** Requests with the same key begin alike. */
  readonly cacheKey?: string;
  readonly stream: boolean;
  /** Names of fields that were not used, for the header `x-plinth-ignored`. */
  readonly ignored: string[];
  /** What the dialect calls the fields of a model's request. */
  readonly names: ReadonlyMap<string, string>;
}

/** A tool that a model's vendor runs itself, as the request named it. */
export interface VendorTool {
  readonly id: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Where it stands in the request. */
  readonly param: string;
  /** A name for the header `x-plinth-ignored`: the request goes on without it where nobody has it. */
  readonly otherwise?: string;
}

/** A session key: the one that the client names, or a fresh one. An agent other than the default stands in front. */
export function sessionKey(session: string | undefined, agent: string | undefined): string {
  const key = `openai:${session ?? randomBytes(9).toString("base64url")}`;
  return agent === undefined ? key : `agent:${agent}:${key}`;
}

const NOBODY = "It was asked over the interface for clients of model APIs, where nobody can answer.";

/** One turn of an agent: its own tools run in it, the client's are handed out. */
export async function* askAgent(ctx: Context, request: Asked, sessionKey: string, commands: boolean, call: Call): AsyncGenerator<Said> {
  const { conversation, tools, options, user } = request;
  const { system, messages } = conversation;
  const last = messages.at(-1)!;
  const history = last.role === "user" ? messages.slice(0, -1) : messages;
  const remembers = request.session !== undefined && history.length === 0;
  const events = ctx
    .use("plinth.turns")
    .one()
    .submit(
      {
        ...(last.role === "user" && last.content.some(({ type }) => type !== "text")
          ? { content: last.content as [] }
          : { text: (last.role === "user" ? textOf(last.content) : resultsOf(last.content)).slice(0, 1_000_000) }),
        surface: "openai-http",
        sessionKey,
        commands,
        ...(remembers ? {} : { history }),
        ...(last.role === "user" && history.at(-1)?.role === "tool" ? { said: true } : {}),
        ...(tools.length === 0 ? {} : { tools }),
        ...(Object.keys(options).length === 0 ? {} : { options }),
        ...(user === undefined ? {} : { sender: user }),
        ...(system.length === 0 ? {} : { system: system.map(({ text }) => text).join("\n\n") }),
      },
      { signal: call.signal },
    );
  let said = "";
  let notes = "";
  for await (const event of unasked(ctx, events)) {
    // What comes before its first word or deed is not told: a turn that fails then still has a status of its own.
    if (event.type === "start" || (event.type === "progress" && event.callId === undefined)) continue;
    if (event.type === "text") {
      said += event.delta;
      yield { type: "text", delta: event.delta };
    } else if (event.type === "reasoning") yield { type: "thought", delta: event.delta };
    else if (event.type === "warning" && event.param !== undefined) yield ignoredAs(event.param, request);
    else if (event.type === "part" && event.part.type !== "opaque") {
      const told = (await saidOf(ctx, event.part, call.signal)) ?? { type: "busy" };
      if (told.type === "text") notes += told.delta;
      yield told;
    } else if (event.type === "end") {
      if (event.status !== "ok") throw endError(event);
      if (said === "" && event.text !== "") yield { type: "text", delta: event.text };
      for (const one of event.calls ?? []) yield { type: "call", call: one };
      const { usage, model } = event;
      return yield {
        ...{ type: "end", reason: reasonOf(event), text: event.text + notes },
        ...(usage === undefined ? {} : { usage }),
        ...(model === undefined ? {} : { model }),
      };
    } else yield { type: "busy" };
  }
  throw new Error("The turn ended without an answer.");
}

/** A model itself, with the client's tools and no others. */
export async function* askModel(ctx: Context, request: Asked, marks: CallMarks, call: Call): AsyncGenerator<Said> {
  const { conversation, tools, vendorTools, options, model, cacheKey } = request;
  const { system } = conversation;
  const messages = marks.restore(conversation.messages);
  const stream = ctx
    .use("plinth.models")
    .one()
    .stream(
      {
        model,
        messages,
        ...(system.length === 0 ? {} : { system }),
        ...(tools.length === 0 ? {} : { tools }),
        ...(cacheKey === undefined ? {} : { cacheKey }),
        ...serverTools(vendorTools),
        ...options,
        onUnsupported: "drop",
      },
      { signal: call.signal },
    );
  const ids = new CallNames(messages.flatMap(({ content }) => content.flatMap((part) => (part.type === "tool-call" ? [part.id] : []))));
  let text = "";
  let usage: Usage | undefined;
  let maker = "";
  const thoughts: Thought[] = [];
  let answeredBy = model;
  for await (const event of stream) {
    if (event.type === "again") continue;
    if (event.type === "model") {
      // Whoever was asked before has said nothing that counts.
      usage = undefined;
      maker = event.maker;
      answeredBy = event.name;
      yield { type: "model", name: answeredBy };
    } else if (event.type === "text") {
      text += event.delta;
      yield { type: "text", delta: event.delta };
    } else if (event.type === "tool-call") {
      const [made] = partsFrom([event.call], maker);
      const own = { ...(made as ToolCallPart), id: ids.own(event.call.id) };
      marks.keep(own, thoughts.splice(0));
      yield { type: "call", call: own };
    } else if (event.type === "reasoning") {
      if (event.part === undefined) yield { type: "thought", delta: event.delta ?? "" };
      else {
        const part = partsFrom([event.part], maker)[0] as Thought;
        thoughts.push(part);
        yield { type: "thought", part };
      }
    } else if (event.type === "part") {
      const said = (await saidOf(ctx, partsFrom([event.part], maker)[0] as Part, call.signal)) ?? { type: "busy" };
      if (said.type === "text") text += said.delta;
      yield said;
    } else if (event.type === "usage") usage = event.usage;
    else if (event.type === "warning" && event.param !== undefined) yield used(event.param, event.message, request);
    else if (event.type === "end") {
      const reason = event.reason === "pause" ? "length" : event.reason;
      return yield { type: "end", reason, text, ...(usage === undefined ? {} : { usage }), model: answeredBy };
    } else yield { type: "busy" };
  }
  throw new Error("The model stopped without an end.");
}

/** As a model's request has them. */
export const serverTools = (tools: readonly VendorTool[]): { serverTools?: { id: string; options: Record<string, unknown> }[] } =>
  tools.length === 0 ? {} : { serverTools: tools.map(({ id, options }) => ({ id, options: { ...options } })) };

/** Without these an answer would be another one than the client asked for. */
const NEEDED = new Set(["messages", "tools", "toolChoice", "output", "serverTools"]);

function used(param: string, message: string, asked: Asked): Said {
  if (param === "serverTools") {
    const { param: name = "tools", otherwise } =
      asked.vendorTools.find(({ id }) => message.includes(JSON.stringify(id))) ?? asked.vendorTools[0] ?? {};
    if (otherwise !== undefined) return { type: "ignored", name: otherwise };
    throw invalid(`\`${name}\` is not supported: ${message}`, name, "unsupported_parameter");
  }
  if (!NEEDED.has(param.split(/[.[]/)[0] as string)) return ignoredAs(param, asked);
  const name = nameOf(param, asked);
  throw invalid(`The model does not take \`${name}\`: ${message}`, name, "unsupported_parameter");
}

const ignoredAs = (param: string, asked: Asked): Said => ({ type: "ignored", name: nameOf(param, asked) });

/** It comes from a provider, and goes into a header. */
const nameOf = (param: string, { names }: Asked): string => names.get(param) ?? headerName(param);

type Thought = Extract<Part, { type: "reasoning" }>;

const resultsOf = (content: readonly { type: string; content?: unknown }[]): string =>
  content.flatMap((part) => (part.type === "tool-result" ? [wordsOf(part.content as [])] : [])).join("\n") || "(A tool gave a result without words.)";

type End = Extract<TurnEvent, { type: "end" }>;

function reasonOf({ reason, error }: End): EndReason {
  if (reason === "rounds") return "length";
  return reason ?? (error?.code === "PLINTH_MESSAGE_DROPPED" ? "filter" : "stop");
}

const endError = ({ error, status }: End): ErrorInfo =>
  error ?? { code: "PLINTH_ABORTED", message: status === "aborted" ? "The turn was cancelled." : "The turn failed." };

/** Clients of this interface cannot answer a question: it counts as no, and the model is told so. */
async function* unasked(ctx: Context, events: AsyncIterable<TurnEvent>): AsyncGenerator<TurnEvent> {
  for await (const event of events) {
    if (event.type === "interaction" && event.state === "asked") {
      await ctx
        .use("plinth.interaction")
        .one()
        .withdraw({ id: event.request.id, why: NOBODY })
        .catch((error: unknown) => ctx.log.warn("A question could not be taken back; it expires.", { ...errorInfo(error) }));
    }
    yield event;
  }
}
