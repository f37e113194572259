import { randomBytes } from "node:crypto";
import { type Call, defineExtension, type HttpItem, type HttpRequest } from "@plinth/sdk";
import { json, textOf } from "@plinth/sdk/kits/http";
import { askAgent, askModel, type Said } from "./asking.ts";
import { readChatRequest, sessionKey, withArtifacts } from "./chat-request.ts";
import { chunks, completion, type Head } from "./completion.ts";
import { ApiFailure, failureOf, noSuchModel } from "./failure.ts";
import { ModelList } from "./model-list.ts";

export default defineExtension({
  activate(ctx) {
    const { commands = false } = ctx.config as { commands?: boolean };
    const models = new ModelList(ctx);

    ctx.provide("plinth.http-route", "openai.models", {
      handle: () => answer(async () => ({ object: "list", data: await models.list() })),
    });
    ctx.provide("plinth.http-route", "openai.model", {
      handle: ({ path }) =>
        answer(async () => {
          const id = path.slice("/v1/models/".length);
          const found = (await models.list()).find((one) => one.id === id);
          if (found === undefined) throw noSuchModel(id);
          return found;
        }),
    });
    ctx.provide("plinth.http-route", "openai.nothing", {
      handle: ({ method, path }) =>
        answer(async () => {
          throw new ApiFailure(404, `There is no ${method} ${path.slice(0, 200)} here.`, { code: "unknown_url" });
        }),
    });

    async function* chat(incoming: HttpRequest, call: Call): AsyncGenerator<HttpItem> {
      let events: AsyncIterator<Said> | undefined;
      try {
        const read = readChatRequest(textOf(incoming), incoming.headers["x-plinth-session"]);
        const meant = await models.meant(read.model);
        if (meant === undefined) throw noSuchModel(read.model);
        const request = { ...read, conversation: await withArtifacts(read.conversation, () => ctx.use("plinth.artifacts").one(), call.signal) };
        const said =
          "model" in meant ? askModel(ctx, request, call) : askAgent(ctx, request, sessionKey(request.session, meant.agent), commands, call);
        events = said[Symbol.asyncIterator]();
        const ignored = [...request.ignored, ...("model" in meant && request.session !== undefined ? ["session"] : [])];
        const id = `chatcmpl-${randomBytes(12).toString("base64url")}`;
        const head: Head = { id, created: Math.floor(ctx.clock.now() / 1000), model: request.model };
        const first = await begin(events, ignored, head);
        if (request.stream) {
          yield { type: "head", status: 200, headers: { ...STREAM, ...named(ignored) } };
          for await (const text of chunks(head, resume(first, events), request.includeUsage)) yield { type: "text", text };
          return;
        }
        const all: Said[] = [];
        for await (const one of resume(first, events)) {
          if (one.type === "ignored") ignored.push(one.name);
          else if (one.type === "end") yield* json(200, completion(head, all, one), named(ignored));
          else if (one.type !== "text" && one.type !== "busy" && one.type !== "model") all.push(one);
        }
      } catch (error) {
        yield* failed(error);
      } finally {
        // The client left, or something failed half way: the turn ends with the request.
        await events?.return?.();
      }
    }
    ctx.provide("plinth.http-route", "openai.chat", { handle: chat });
  },
});

const STREAM = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

/** What of the request was not used. */
const named = (ignored: readonly string[]): Record<string, string> =>
  ignored.length === 0 ? {} : { "x-plinth-ignored": [...new Set(ignored)].slice(0, 32).join(", ") };

/**
 * Up to the first event that shows how it goes: what fails at once still gets its own status, what is not used is named, and so
 * is whoever answers, as far as that is known by then.
 */
async function begin(events: AsyncIterator<Said>, ignored: string[], head: Head): Promise<Said> {
  for (;;) {
    const { done, value } = await events.next();
    if (done) throw new Error("There was no answer.");
    if (value.type === "model") head.model = value.name;
    else if (value.type === "ignored") ignored.push(value.name);
    else return value;
  }
}

async function* resume(first: Said, rest: AsyncIterator<Said>): AsyncGenerator<Said> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function* answer(make: () => Promise<object>): AsyncGenerator<HttpItem> {
  try {
    yield* json(200, await make());
  } catch (error) {
    yield* failed(error);
  }
}

function* failed(error: unknown): Generator<HttpItem> {
  const { status, body, headers } = failureOf(error);
  yield* json(status, body, headers);
}
