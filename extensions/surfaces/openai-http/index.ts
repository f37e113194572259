import { type Call, type Context, defineExtension, errorInfo, type HttpItem, type HttpRequest, type TurnEvent } from "@plinth/sdk";
import { json, textOf } from "@plinth/sdk/kits/http";
import { readChatRequest, sessionKey } from "./chat-request.ts";
import { chunks, completion, endError, type Head } from "./completion.ts";
import { failureOf, noSuchModel } from "./failure.ts";

export default defineExtension({
  activate(ctx) {
    const created = Math.floor(ctx.clock.now() / 1000);
    const agents = async () => (await ctx.use("plinth.router").one().agents({})).agents;
    const model = (id: string) => ({ id, object: "model", created, owned_by: "plinth" });
    const models = async () => [model("plinth"), ...(await agents()).map(({ id }) => model(`plinth/${id}`))];

    ctx.provide("plinth.http-route", "openai.models", {
      handle: () => answer(async () => ({ object: "list", data: await models() })),
    });
    ctx.provide("plinth.http-route", "openai.model", {
      handle: ({ path }) =>
        answer(async () => {
          const id = path.slice("/v1/models/".length);
          const found = (await models()).find((one) => one.id === id);
          if (found === undefined) throw noSuchModel(id);
          return found;
        }),
    });

    /** What a model's name stands for: the default agent, an agent, or a provider's model. */
    const choose = async (name: string): Promise<{ agent?: string; model?: string }> => {
      if (name === "plinth") return {};
      if (!name.includes("/")) throw noSuchModel(name);
      if (!name.startsWith("plinth/")) return { model: name };
      const agent = name.slice("plinth/".length);
      if (!(await agents()).some(({ id }) => id === agent)) throw noSuchModel(name);
      return { agent };
    };

    async function* chat(incoming: HttpRequest, call: Call): AsyncGenerator<HttpItem> {
      let events: AsyncIterator<TurnEvent> | undefined;
      try {
        const request = readChatRequest(textOf(incoming));
        const { agent, model: override } = await choose(request.model);
        events = ctx
          .use("plinth.turns")
          .one()
          .submit(
            {
              text: request.text,
              surface: "openai-http",
              sessionKey: sessionKey(request.user, agent),
              ...(request.user === undefined ? {} : { sender: request.user }),
              ...(override === undefined ? {} : { model: override }),
              ...(request.system === undefined ? {} : { system: request.system }),
            },
            { signal: call.signal },
          )
          [Symbol.asyncIterator]();
        events = unasked(ctx, events);
        const { runId, first } = await begin(events);
        const head: Head = { id: `chatcmpl-${runId}`, created: Math.floor(ctx.clock.now() / 1000), model: request.model };
        if (request.stream) {
          yield { type: "head", status: 200, headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" } };
          for await (const text of chunks(head, resume(first, events), request.includeUsage)) yield { type: "text", text };
          return;
        }
        let end = first;
        while (end.type !== "end") {
          const { done, value } = await events.next();
          if (done) throw new Error("The turn ended without an answer.");
          end = value;
        }
        if (end.status !== "ok") throw endError(end);
        yield* json(200, completion(head, end));
      } catch (error) {
        const failure = failureOf(error);
        yield* json(failure.status, failure.body);
      } finally {
        // The client left, or something failed half way: the turn ends with the request.
        await events?.return?.();
      }
    }
    ctx.provide("plinth.http-route", "openai.chat", { handle: chat });
  },
});

const NOBODY = "It was asked over the OpenAI-compatible interface, where nobody can answer.";

/** Clients of this interface cannot answer a question: it counts as no, and the model is told so. */
async function* unasked(ctx: Context, events: AsyncIterator<TurnEvent>): AsyncGenerator<TurnEvent> {
  try {
    for (let next = await events.next(); !next.done; next = await events.next()) {
      const event = next.value;
      if (event.type === "interaction" && event.state === "asked") {
        await ctx
          .use("plinth.interaction")
          .one()
          .withdraw({ id: event.request.id, why: NOBODY })
          .catch((error: unknown) => ctx.log.warn("A question could not be taken back; it expires.", { ...errorInfo(error) }));
      }
      yield event;
    }
  } finally {
    await events.return?.();
  }
}

/** Up to the first event that shows how the turn goes: a turn that fails at once still gets its own status. */
async function begin(events: AsyncIterator<TurnEvent>): Promise<{ runId: string; first: TurnEvent }> {
  let runId = "unknown";
  for (;;) {
    const { done, value } = await events.next();
    if (done) throw new Error("The turn ended without an answer.");
    if (value.type === "start") runId = value.runId;
    else if (value.type === "end" && value.status !== "ok") throw endError(value);
    else return { runId, first: value };
  }
}

async function* resume(first: TurnEvent, rest: AsyncIterator<TurnEvent>): AsyncGenerator<TurnEvent> {
  yield first;
  for (;;) {
    const { done, value } = await rest.next();
    if (done) return;
    yield value;
  }
}

async function* answer(make: () => Promise<object>): AsyncGenerator<HttpItem> {
  try {
    yield* json(200, await make());
  } catch (error) {
    const failure = failureOf(error);
    yield* json(failure.status, failure.body);
  }
}
