import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasPeer, peer } from "../../../test/peers/programs.testing.ts";
import { all, endpointFor, opened } from "./fal.testing.ts";

let read = 0;
let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
  read = 0;
});
afterEach(() => world.close());

/** What went over the wire since, without what is new each time. */
function asked() {
  const plain = (path: string) => path.replace(/\/requests\/[\w-]+/, "/requests/ID").replace(/\?.*$/, "");
  const news = world.server.requests.slice(read);
  read += news.length;
  const requests = news.filter(({ path }) => !path.startsWith("/files/"));
  return requests.map(({ method, path, headers, body }) => ({ method, path: plain(path), authorization: headers.authorization, body }));
}

// The vendor's own client and ours are told the same by the same queue, and tell it the same.
describe.runIf(hasPeer("@fal-ai/client"))("fal's own client", () => {
  it.each([
    ["plinth.image-generation", "fal-ai/nano-banana-2", {}],
    ["plinth.video-generation", "fal-ai/veo3.1/fast", {}],
    ["plinth.image-generation", "workflows/acme/own", {}],
  ] as const)("does what ours does: %s %s", async (purpose, model, more) => {
    const { createFalClient } = await peer("@fal-ai/client");
    const requestMiddleware = async (request: { url: string }) => ({
      ...request,
      url: request.url.replace("https://queue.fal.run", world.server.url),
    });
    const fal = createFalClient({ credentials: "k", requestMiddleware });
    const { data } = await fal.subscribe(model, { input: { prompt: "A stone.", seed: 3 }, pollInterval: 10 });
    const theirs = asked();
    const endpoint = endpointFor(purpose, world.server.url);
    const items = await all(
      world.host
        .use(purpose)
        .get("fal")
        .generate({ prompt: "A stone.", seed: 3, model, endpoint, ...more } as never),
    );
    expect(asked()).toEqual(theirs);
    expect(items.filter(({ type }) => type === "part")).toHaveLength([data.images ?? data.video].flat().length);
  });

  it("cancels where ours does", async () => {
    const { createFalClient } = await peer("@fal-ai/client");
    const requestMiddleware = async (request: { url: string }) => ({
      ...request,
      url: request.url.replace("https://queue.fal.run", world.server.url),
    });
    const fal = createFalClient({ credentials: "k", requestMiddleware });
    const { request_id: requestId } = await fal.queue.submit("fal-ai/veo3.1/fast", { input: { prompt: "A slow stone." } });
    asked();
    await fal.queue.cancel("fal-ai/veo3.1/fast", { requestId });
    const theirs = asked();
    const job = `fal-ai/veo3.1:${(await fal.queue.submit("fal-ai/veo3.1/fast", { input: { prompt: "A slow stone." } })).request_id}`;
    asked();
    const endpoint = endpointFor("plinth.video-generation", world.server.url);
    expect(await world.host.use("plinth.video-generation").get("fal").cancel({ job, endpoint })).toEqual({ cancelled: true });
    expect(asked()).toEqual(theirs);
  });
});
