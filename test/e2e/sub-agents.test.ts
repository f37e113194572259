import { afterEach, expect, it } from "vitest";
import { cleanUp, connect, newHome, plinth, say, scriptedModel, sse, startGateway } from "./lab.ts";

afterEach(cleanUp);

const words = (body: any): string => {
  const { content } = body.messages.findLast(({ role }: any) => role === "user");
  return typeof content === "string" ? content : content.map(({ text }: any) => text ?? "").join("");
};

it("sub-agents report into the conversation, are ended with it, and are told as lost once when their host was killed", async () => {
  const home = await newHome();
  const model = await scriptedModel(async (body, _, response) => {
    const said = words(body);
    const spawn = (task: string) => void sse.head(response).end(sse.call("c1", "sessions_spawn", { task, label: task }) + sse.done);
    if (said === "hang") return sse.head(response).write(sse.chunk({ content: "thinking" }));
    if (said === "count") return say(response, "There are seven.");
    if (said.startsWith("[Sub-agent")) return say(response, `noted: ${said.includes("ended: lost") ? "lost" : said.split("\n\n").at(-1)}`);
    if (said.startsWith("spawn ") && body.messages.at(-1).role !== "tool") return spawn(said.slice(6));
    return say(response, "begun");
  });
  const first = await startGateway(home, model.env);
  const client = await connect(first);
  const history = async (by = client): Promise<string[]> =>
    (await by.request("chat.history", { sessionKey: "main" })).entries.flatMap(({ body }: any) =>
      body.kind === "message" ? body.message.content.flatMap(({ text }: any) => (text === undefined ? [] : [text])) : [],
    );
  const live = async () => JSON.parse((await plinth(home, ["tasks", "list", "--status", "live", "--json"], model.env)).stdout).tasks;

  expect((await client.turn("spawn count", "main")).at(-1)).toMatchObject({ type: "end", status: "ok" });
  await expect.poll(() => history(), { timeout: 30_000 }).toContainEqual(expect.stringMatching(/There are seven\./));

  await client.turn("spawn hang", "main");
  await expect.poll(async () => (await live()).map(({ status }: any) => status), { timeout: 30_000 }).toEqual(["running"]);
  expect((await client.turn("/stop", "main")).at(-1).text).toMatch(/one task/);
  await expect.poll(live, { timeout: 30_000 }).toEqual([]);

  await client.turn("spawn hang", "main");
  await expect.poll(async () => (await live()).map(({ status }: any) => status), { timeout: 30_000 }).toEqual(["running"]);
  process.kill(first.pid, "SIGKILL");

  const second = await startGateway(home, model.env);
  const again = await connect(second);
  await again.turn("hello", "main");
  const notices = async () => (await history(again)).filter((one) => /ended: lost/.test(one)).length;
  await expect.poll(notices, { timeout: 60_000 }).toBe(1);
  await expect.poll(() => history(again), { timeout: 30_000 }).toContain("noted: lost");
  expect(await notices()).toBe(1);
  await expect.poll(live, { timeout: 90_000, interval: 3_000 }).toEqual([]);
  expect((await plinth(home, ["tasks", "audit"], model.env)).stdout).toMatch(/error {4}lost/);
}, 240_000);
