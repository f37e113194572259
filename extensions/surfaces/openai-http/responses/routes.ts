import type { Call, Context, HttpRequest } from "@plinth/sdk";
import { type Dialect, told } from "../answering.ts";
import type { Asked } from "../asking.ts";
import { ApiFailure } from "../failure.ts";
import { callerOf, type Names } from "../names.ts";
import { pictureBytes } from "../parts.ts";
import { Conversations } from "./conversations.ts";
import type { Responses } from "./index.ts";
import { withPictures } from "./pictures.ts";
import { pageOf } from "./told-items.ts";

interface Asking {
  readonly request: HttpRequest;
  readonly by: string;
  readonly signal: AbortSignal;
  readonly id: string;
}

/** What is kept of responses, and their conversations. */
export function serveKept(ctx: Context, names: Names, responses: Responses, dialect: Pick<Dialect<Asked>, "failure">): void {
  const conversations = new Conversations(ctx, names, responses);
  const route = (answer: (asking: Asking) => Promise<object>) => ({
    handle: (request: HttpRequest, call: Call) =>
      told(() => answer({ request, by: callerOf(request, call), signal: call.signal, id: request.params.id ?? "" }), dialect),
  });

  ctx.provide(
    "plinth.http-route",
    "openai.response",
    route(async ({ request, by, signal, id }) => {
      const kept = responses.kept(by);
      const { response } = await kept.existing(id);
      if (request.method === "DELETE") {
        await kept.delete(id);
        return { id, object: "response", deleted: true };
      }
      if (new Map(request.query).get("stream") === "true")
        throw new ApiFailure(400, "`stream` is not supported: an answer that is kept is told as a whole. Leave it out.", { param: "stream" });
      return withPictures(response, (artifact) => pictureBytes(ctx, artifact, signal));
    }),
  );
  ctx.provide(
    "plinth.http-route",
    "openai.response-items",
    route(async ({ request, by, signal, id }) => {
      const kept = responses.kept(by);
      return pageOf(await kept.items(id, false), request.query, kept.bytes(signal));
    }),
  );
  ctx.provide(
    "plinth.http-route",
    "openai.response-cancel",
    route(async ({ by, id }) => {
      await responses.kept(by).existing(id);
      throw new ApiFailure(400, "Only an answer in the background can be cancelled, and none is made there. Close the connection of one instead.");
    }),
  );
  ctx.provide(
    "plinth.http-route",
    "openai.conversations",
    route(({ request, by, signal }) => conversations.create(request, by, signal)),
  );
  ctx.provide(
    "plinth.http-route",
    "openai.conversation",
    route(({ request, by, id }) => {
      if (request.method === "DELETE") return conversations.delete(id, by);
      return request.method === "POST" ? conversations.update(id, request, by) : conversations.get(id, by);
    }),
  );
  ctx.provide(
    "plinth.http-route",
    "openai.conversation-items",
    route(({ request, by, signal, id }) =>
      request.method === "POST" ? conversations.add(id, request, by, signal) : conversations.items(id, request, by, signal),
    ),
  );
  ctx.provide(
    "plinth.http-route",
    "openai.conversation-item",
    route(({ request, by, signal, id }) => conversations.item(id, request.params.item ?? "", by, signal)),
  );
}
