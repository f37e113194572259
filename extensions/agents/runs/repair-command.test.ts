import { scriptedModels, type TestHost } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import { end, owner, startTurns, transcript } from "./turns.testing.ts";

let host: TestHost;
afterEach(() => host.close());

it("/repair shows what is changed on the way to the model, and changes nothing", async () => {
  const asked: any[] = [];
  const models = scriptedModels([{ id: "acme" }]);
  const provider = {
    ...models.provider,
    repairs: (input: any) => {
      asked.push(input);
      return {
        name: "acme/m",
        repairs: asked.length === 1 ? [] : [{ code: "empty", message: 1, said: "A message in which nothing is said was left out." }],
      };
    },
  };
  host = await startTurns({ provide: [{ ...models, provider: provider as never }], route: { model: "acme/m" } });
  const typed = (text: string) => host.as(owner, () => end(host, text));
  expect((await typed("/repair")).text).toBe("Nothing was said here yet.");
  await typed("hello");
  expect((await typed("/repair")).text).toBe("The 2 messages of this conversation can be sent to `acme/m` as they are.");
  expect(asked[0]).toMatchObject({ model: "acme/m", messages: [{ role: "user" }, { role: "assistant" }] });
  const before = (await transcript(host)).filter(({ kind }) => kind !== "command");
  const { text } = await typed("/repair");
  expect(text).toContain("one thing is changed");
  expect(text).toContain("- Message 2 (assistant “HELLO”): A message in which nothing is said was left out.");
  expect((await transcript(host)).filter(({ kind }) => kind !== "command")).toEqual(before);
});
