import type { Call, Context, HttpItem, HttpRequest } from "@plinth/sdk";
import { json, textOf } from "@plinth/sdk/kits/http";
import { type Asked, askAgent, askModel, type Said, sessionKey } from "./asking.ts";
import type { CallMarks } from "./call-marks.ts";
import { withArtifacts } from "./conversation.ts";
import { type ApiFailure, failureOf, noSuchModel } from "./failure.ts";
import { unsupported } from "./fields.ts";
import type { Meant, ModelList } from "./model-list.ts";
import { callerOf, type Names } from "./names.ts";

/** How one API says requests, answers and failures. */
export interface Dialect<R extends Asked> {
  /** The request, checked. @param header the value of `x-plinth-session`. @param caller whose request it is. */
  read(body: string, header: string | undefined, caller: string): R | Promise<R>;
  /** With what is remembered of the conversation; default: as it is. */
  remembered?(request: R, meant: Meant): R | Promise<R>;
  /** The whole answer. @param request its `model` is who answers, as far as that is known. @param said all of it, its end last. */
  whole(request: R, said: readonly Said[]): object | Promise<object>;
  /** The answer as a body of server-sent events. What goes wrong in the middle is told in it. */
  stream(request: R, said: AsyncIterable<Said>): AsyncIterable<string>;
  /** The request is over, however it went. */
  done?(request: R): void;
  failure(failure: ApiFailure): object;
  /** Whether clients look for a failure before the first word in the stream that they asked for; default: by its status. */
  toldInStream?(failure: ApiFailure): boolean;
}

export interface Answerer {
  readonly ctx: Context;
  readonly models: ModelList;
  readonly marks: CallMarks;
  readonly names: Names;
  readonly commands: boolean;
}

/** Answers one request in its dialect: an agent's turn, or a model itself. */
export async function* answering<R extends Asked>(
  { ctx, models, marks, names, commands }: Answerer,
  dialect: Dialect<R>,
  incoming: HttpRequest,
  call: Call,
): AsyncGenerator<HttpItem> {
  let events: AsyncIterator<Said> | undefined;
  let over = (): void => {};
  try {
    const caller = callerOf(incoming, call);
    const read = await dialect.read(textOf(incoming), incoming.headers["x-plinth-session"], caller);
    if (read.session !== undefined) await names.assertNotOthers(read.session, caller);
    const meant = await models.meant(read.model);
    if (meant === undefined) throw noSuchModel(read.model);
    const conversation = await withArtifacts(read.conversation, () => ctx.use("plinth.artifacts").one(), call.signal);
    const request = (await dialect.remembered?.({ ...read, conversation }, meant)) ?? { ...read, conversation };
    over = () => dialect.done?.(request);
    const ignored = [...request.ignored, ...("model" in meant ? [] : withoutVendors(request))];
    const said =
      "model" in meant ? askModel(ctx, request, marks, call) : askAgent(ctx, request, sessionKey(request.session, meant.agent), commands, call);
    events = said[Symbol.asyncIterator]();
    const { rest, model = request.model } = await begin(events, ignored).catch((error: unknown) => {
      if (!request.stream || dialect.toldInStream?.(failureOf(error)) !== true) throw error;
      return { rest: failing(error), model: undefined };
    });
    const answered = { ...request, model };
    if (request.stream) {
      yield { type: "head", status: 200, headers: { ...STREAM, ...named(ignored) } };
      for await (const text of dialect.stream(answered, rest)) yield { type: "text", text };
      return;
    }
    const all: Said[] = [];
    for await (const one of rest) {
      if (one.type === "ignored") ignored.push(one.name);
      else if (one.type !== "busy" && one.type !== "model") all.push(one);
    }
    yield* json(200, await dialect.whole(answered, all), named(ignored));
  } catch (error) {
    yield* failed(error, dialect);
  } finally {
    // The client left, or something failed half way: the turn ends with the request.
    await events?.return?.();
    over();
  }
}

/** An answer that is made at once, in a dialect's form. */
export async function* told(
  make: (headers: Record<string, string>) => Promise<object>,
  dialect: Pick<Dialect<Asked>, "failure">,
): AsyncGenerator<HttpItem> {
  const headers: Record<string, string> = {};
  try {
    const answer = await make(headers);
    yield* json(200, answer, headers);
  } catch (error) {
    yield* failed(error, dialect);
  }
}

/** An agent has tools of its own: those that a vendor would run are refused, or named where the client can do without. */
const withoutVendors = ({ vendorTools }: Asked): string[] =>
  vendorTools.map(({ param, otherwise }) => {
    if (otherwise !== undefined) return otherwise;
    throw unsupported(param, "an agent has tools of its own. Name a model, such as provider/model, whose vendor runs this one.");
  });

/** What keeps a connection busy while tools run; clients pass it over. */
export const COMMENT = ": busy\n\n";

const STREAM = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

/** What of the request was not used. */
export const named = (ignored: readonly string[]): Record<string, string> =>
  ignored.length === 0 ? {} : { "x-plinth-ignored": [...new Set(ignored)].slice(0, 32).join(", ") };

/**
 * Up to the first event that shows how it goes: what fails at once still gets its own status, what is not used is named, and so
 * is whoever answers, as far as that is known by then.
 */
async function begin(events: AsyncIterator<Said>, ignored: string[]): Promise<{ rest: AsyncIterable<Said>; model?: string }> {
  let model: string | undefined;
  for (;;) {
    const { done, value } = await events.next();
    if (done) throw new Error("There was no answer.");
    if (value.type === "model") model = value.name;
    else if (value.type === "ignored") ignored.push(value.name);
    else return { rest: resume(value, events), ...(model === undefined ? {} : { model }) };
  }
}

// biome-ignore lint/correctness/useYield: it fails where it would say something.
async function* failing(error: unknown): AsyncGenerator<Said> {
  throw error;
}

async function* resume(first: Said, rest: AsyncIterator<Said>): AsyncGenerator<Said> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

function* failed(error: unknown, dialect: Pick<Dialect<Asked>, "failure">): Generator<HttpItem> {
  const failure = failureOf(error);
  yield* json(failure.status, dialect.failure(failure), failure.headers);
}
