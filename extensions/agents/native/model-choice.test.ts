import { PlinthError } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { knowsModels, runTurn, says, scriptedModel, type TurnOptions } from "./scripted.testing.ts";

let host: TestHost | undefined;
afterEach(() => host?.close());

async function start(provide: ScriptedProvider[]): Promise<void> {
  const knows = knowsModels();
  host = await createTestHost({ extensions: [{ manifest, extension }, ...knows.extensions], provide: [...provide, ...knows.provide] });
}

const run = (options?: TurnOptions) => runTurn(host!, options);
const done = (items: any[]) => items.at(-1);

describe("the choice of a model", () => {
  it("is the ready provider with the lowest priority number, then the first id", async () => {
    const models = [
      scriptedModel([says("c")], { id: "c", priority: 2 }),
      scriptedModel([says("b")], { id: "b", priority: 2 }),
      scriptedModel([says("a")], { id: "a", priority: 1, ready: false }),
    ];
    await start(models);
    expect(done(await run())).toMatchObject({ model: "b/m" });
  });

  it("is kept for a while and made anew after a failure", async () => {
    let asked = 0;
    let ready = true;
    const first = scriptedModel([says("ok"), says("ok"), new PlinthError("PLINTH_MODEL_AUTH", "No.")], {
      id: "a",
      ready: () => {
        asked++;
        return ready;
      },
    });
    await start([first, scriptedModel([says("ok")], { id: "b" })]);
    await run();
    await run();
    expect(asked).toBe(1);
    await expect(run()).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    ready = false;
    expect(done(await run())).toMatchObject({ model: "b/m" });
  });

  it("can be named: a provider's default, or any of its models", async () => {
    const model = scriptedModel([says("ok")]);
    await start([model]);
    expect(done(await run({ model: "scripted/auto" }))).toMatchObject({ model: "scripted/m" });
    expect(done(await run({ model: "scripted/org/big:7b" }))).toMatchObject({ model: "scripted/org/big:7b" });
    expect(model.seen.map(({ model: name }) => name)).toEqual(["m", "org/big:7b"]);
  });

  it.each(["gpt", "nobody/x", "scripted/", "/x"])("says where models are listed when there is no %s", async (model) => {
    await start([scriptedModel([says("ok")])]);
    await expect(run({ model })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNKNOWN", next: expect.stringContaining("plinth models lists them") });
  });

  it("names what a name is near to", async () => {
    await start([scriptedModel([says("ok")])]);
    await expect(run({ model: "scritped/auto" })).rejects.toMatchObject({ next: expect.stringContaining("scripted/auto") });
  });

  it("says why nobody can answer", async () => {
    await start([scriptedModel([says("ok")], { ready: false })]);
    await expect(run()).rejects.toMatchObject({ code: "PLINTH_MODEL_NONE", next: expect.stringContaining("scripted: no key") });
  });
});
