import { defineExtension } from "@plinth/sdk";
import { textOf } from "@plinth/sdk/kits/http";
import { type Answerer, answering, named, told } from "./answering.ts";
import { CallMarks } from "./call-marks.ts";
import { chat } from "./chat/index.ts";
import { embeddings } from "./embeddings/index.ts";
import { ApiFailure, noSuchModel } from "./failure.ts";
import { countTokens, messages } from "./messages/index.ts";
import { ModelList } from "./model-list.ts";
import { Names } from "./names.ts";
import { Responses } from "./responses/index.ts";
import { serveKept } from "./responses/routes.ts";

export default defineExtension({
  activate(ctx) {
    const { commands = false } = ctx.config as { commands?: boolean };
    const models = new ModelList(ctx);
    const names = new Names(ctx);
    const answerer: Answerer = { ctx, models, marks: new CallMarks(), names, commands };
    const openai = chat(ctx.clock.now);
    const responses = new Responses(ctx, names);

    for (const [id, dialect] of [
      ["openai.nothing", openai],
      ["anthropic.nothing", messages],
    ] as const) {
      ctx.provide("plinth.http-route", id, {
        handle: ({ method, path }) =>
          told(() => Promise.reject(new ApiFailure(404, `There is no ${method} ${path.slice(0, 200)} here.`, { code: "unknown_url" })), dialect),
      });
    }

    ctx.provide("plinth.http-route", "openai.models", {
      handle: ({ headers }) => told(async () => models.told(await models.list(), headers), openai),
    });
    ctx.provide("plinth.http-route", "openai.model", {
      handle: ({ path, headers }) =>
        told(async () => {
          const id = path.slice("/v1/models/".length);
          const found = (await models.list()).find((one) => one.id === id);
          if (found === undefined) throw noSuchModel(id);
          return models.toldOne(found, headers);
        }, openai),
    });
    ctx.provide("plinth.http-route", "openai.chat", { handle: (incoming, call) => answering(answerer, openai, incoming, call) });

    ctx.provide("plinth.http-route", "openai.responses", { handle: (incoming, call) => answering(answerer, responses, incoming, call) });
    serveKept(ctx, names, responses, openai);
    ctx.provide("plinth.http-route", "openai.embeddings", {
      handle: (incoming, call) =>
        told(async (headers) => {
          const { answer, ignored } = await embeddings(ctx, textOf(incoming), call);
          Object.assign(headers, named(ignored));
          return answer;
        }, openai),
    });

    ctx.provide("plinth.http-route", "anthropic.messages", { handle: (incoming, call) => answering(answerer, messages, incoming, call) });
    ctx.provide("plinth.http-route", "anthropic.count", {
      handle: (incoming, call) =>
        told(async (headers) => {
          const { count, estimated } = await countTokens(ctx, models, textOf(incoming), call);
          if (estimated) headers["x-plinth-estimated"] = "true";
          return count;
        }, messages),
    });
  },
});
