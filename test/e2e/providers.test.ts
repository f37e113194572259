import { afterEach, describe, expect, it } from "vitest";
import { cleanUp, connect, newHome, type Script, say, scriptedModel, sse, startGateway } from "./lab.ts";

afterEach(cleanUp);

const failures: [string, Script, string][] = [
  [
    "401",
    (_body, _request, response) => void response.writeHead(401, { "content-type": "application/json" }).end('{"error":{"message":"bad key"}}'),
    "PLINTH_MODEL_AUTH",
  ],
  ["500", (_body, _request, response) => void response.writeHead(500).end("oops"), "PLINTH_MODEL_SERVER"],
  ["429", (_body, _request, response) => void response.writeHead(429, { "retry-after": "0" }).end("slow down"), "PLINTH_MODEL_RATE"],
  ["garbage", (_body, _request, response) => void sse.head(response).end("data: {nonsense\n\n"), "PLINTH_MODEL_STREAM"],
  ["half a stream", (_body, _request, response) => void sse.head(response).end(sse.chunk({ content: "half" })), "PLINTH_MODEL_STREAM"],
];

describe("a provider that fails", () => {
  it.each(failures)(
    "with %s: the turn ends with a coded error and a next step, the session goes on",
    async (_name, script, code) => {
      let healed = false;
      const { env } = await scriptedModel((body, request, response) => (healed ? say(response, "well again") : script(body, request, response)));
      const client = await connect(await startGateway(await newHome(), env));
      const failed = (await client.turn("hello")).at(-1);
      expect(failed).toMatchObject({
        type: "end",
        status: "error",
        error: { code, extension: "plinth.api-openai-chat", message: expect.any(String), next: expect.any(String) },
      });
      expect(JSON.stringify(failed)).not.toContain("e2e-key-not-secret");
      healed = true;
      expect((await client.turn("hello again")).at(-1)).toMatchObject({ status: "ok", text: "well again" });
    },
    60_000,
  );
});

it("a denied, an unknown and a failing tool call become results that the model sees", async () => {
  const { env, requests } = await scriptedModel((body, _request, response) => {
    const results = body.messages.filter((one: any) => one.role === "tool").length;
    if (results === 0) return void sse.head(response).end(sse.call("a", "no-such-tool", {}) + sse.done);
    if (results === 1) return void sse.head(response).end(sse.call("b", "read", { path: "../../etc/passwd" }) + sse.done);
    if (results === 2) return void sse.head(response).end(sse.call("c", "read", { path: 5 }) + sse.done);
    say(response, "done");
  });
  const client = await connect(await startGateway(await newHome(), env));
  const events = await client.turn("go");
  expect(events.at(-1)).toMatchObject({ status: "ok", text: "done" });
  expect(events.filter((one) => one.type === "tool-end").map((one) => one.result.isError)).toEqual([true, true, true]);
  expect(JSON.stringify(requests.at(-1).messages)).not.toContain("root:");
}, 60_000);
