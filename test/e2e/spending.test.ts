import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Client, cleanUp, connect, newHome, plinth, scriptedModel, sse, startGateway } from "./lab.ts";

afterEach(cleanUp);

const usage = (input: number, output: number): string =>
  `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output } })}\n\n`;

/** A host with these limits, and a model that takes 2,000 tokens a call, of which the host expects more than half; `work` has it call a tool first, `hang` never ends. */
async function world(limits: object) {
  const model = await scriptedModel((body, _, response) => {
    const last = body.messages.at(-1);
    sse.head(response);
    if (last.role === "user" && /hang/.test(last.content)) return void response.write(sse.chunk({ content: "Well" }));
    const answer =
      last.role === "user" && /work/.test(last.content) ? sse.call("c", "list", {}) : sse.chunk({ content: "Done." }) + sse.chunk({}, "stop");
    response.end(answer + usage(1_800, 200) + sse.done);
  });
  const home = await newHome();
  // Named, so that it is no other one where its server is slow to list what it has.
  const models = { config: { vendors: { openai: { defaultModel: "scripted" } } } };
  await writeFile(join(home, "plinth.json"), JSON.stringify({ extensions: { "plinth.models": models, "plinth.usage": { config: { limits } } } }));
  const gateway = await startGateway(home, model.env);
  return { home, model, gateway, client: await connect(gateway) };
}

const asked = (client: Client): Promise<any> =>
  new Promise((resolve, reject) => {
    const take = (change: any) => {
      const request = change.state === "pending" ? change.requests[0] : change.state === "asked" ? change.request : undefined;
      if (request !== undefined) resolve(request);
    };
    client.request("approvals.watch", {}, take).catch(reject);
  });

describe("a limit", () => {
  it("asks between two model calls of a turn, and a no ends it with a word and what it has", async () => {
    const { client, model } = await world({ turn: { tokens: 2_500 } });
    const turn = client.turn("work");
    const request = await asked(client);
    expect(request).toMatchObject({ askedBy: "plinth.usage", action: { effect: "spend", args: { model: "openai/scripted" } } });
    expect(model.requests).toHaveLength(1);
    await client.request("approvals.answer", { id: request.id, digest: request.digest, option: "deny" });
    const events = await turn;
    expect(events).toContainEqual(expect.objectContaining({ type: "progress", text: expect.stringContaining("Waiting for the owner.") }));
    expect(events.at(-1)).toMatchObject({ type: "end", status: "error", error: { code: "PLINTH_SPENDING_LIMIT" } });
    expect(model.requests).toHaveLength(1);
    expect((await client.turn("/usage")).at(-1).text).toContain("- This conversation: one model call, 1.8k read, 200 written, cost not known");
  }, 60_000);

  it("goes on with a yes from the conversation, and shows in a shell", async () => {
    const { client, model, home } = await world({ session: { tokens: 2_500 } });
    expect((await client.turn("hello")).at(-1)).toMatchObject({ status: "ok" });
    const turn = client.turn("hello again");
    const { id } = await asked(client);
    expect((await client.turn(`/approve ${id} session`)).at(-1)).toMatchObject({ status: "ok" });
    expect((await turn).at(-1)).toMatchObject({ status: "ok", text: "Done." });
    expect(model.requests).toHaveLength(2);
    const { total, limits } = JSON.parse((await plinth(home, ["usage", "--session", "main", "--json"])).stdout);
    expect(total).toMatchObject({ calls: 2, inputTokens: 3_600, unpriced: 2 });
    expect(limits).toEqual([{ scope: "session", of: "main", tokens: { limit: 4_500, spent: 4_000 } }]);
  }, 60_000);

  it("refuses clients of /v1, which nobody can ask, and tells them not to try again", async () => {
    const { client, gateway } = await world({ day: { tokens: 2_000 } });
    await client.turn("hello");
    for (const model of ["plinth", "openai/scripted"]) {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${gateway.token}`, "content-type": "application/json" },
        body: JSON.stringify({ model, messages: [{ role: "user", content: "hello" }] }),
      });
      expect(response.status).toBe(429);
      expect(response.headers.get("x-should-retry")).toBe("false");
      expect(await response.json()).toMatchObject({ error: { code: "PLINTH_SPENDING_LIMIT" } });
    }
  }, 60_000);
});

it("what was asked is on record after the host was killed in the middle of an answer", async () => {
  const { client, gateway, home, model } = await world({ day: { tokens: 1_000_000 } });
  await client.turn("hello");
  void client.turn("hang").catch(() => {});
  await expect.poll(() => model.requests.length).toBe(2);
  const gone = new Promise((resolve) => gateway.child.once("exit", resolve));
  gateway.child.kill("SIGKILL");
  await gone;
  const next = await connect(await startGateway(home, model.env));
  const { total } = await next.request("usage.totals", {});
  expect(total).toMatchObject({ calls: 2, failed: 0, unknown: 1, inputTokens: 1_800, outputTokens: 200 });
}, 60_000);
