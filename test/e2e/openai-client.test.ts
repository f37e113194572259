import OpenAI from "openai";
import { afterEach, expect, it } from "vitest";
import { cleanUp, newHome, startGateway } from "./lab.ts";

afterEach(cleanUp);

it("the official openai client talks to an agent: models, streaming and not, one session for one key, the model itself", async () => {
  const gateway = await startGateway(await newHome());
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.token });
  const models = await client.models.list();
  expect(models.data.map((one) => one.id)).toContain("plinth");
  const plain = await client.chat.completions.create({
    model: "plinth",
    metadata: { session: "s1" },
    messages: [{ role: "user", content: "read README.md" }],
  });
  expect(plain.choices[0]?.message.content).toContain("Workspace");
  expect(plain.usage?.total_tokens).toBeGreaterThan(0);
  let text = "";
  let finish: string | null | undefined;
  for await (const chunk of await client.chat.completions.create({
    model: "plinth",
    metadata: { session: "s1" },
    stream: true,
    messages: [{ role: "user", content: "hello" }],
  })) {
    text += chunk.choices[0]?.delta.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  expect(text).toContain("offline model");
  expect(finish).toBe("stop");
  const direct = await client.chat.completions.create({ model: "auto", messages: [{ role: "user", content: "read README.md" }] });
  expect(direct.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: expect.not.stringContaining("Workspace") } });
  await expect(new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "wrong", maxRetries: 0 }).models.list()).rejects.toMatchObject({
    status: 401,
    code: "invalid_api_key",
  });
}, 60_000);
