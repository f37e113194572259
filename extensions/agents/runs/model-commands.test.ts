import type { ModelInfo } from "@plinth/sdk";
import type { ScriptedProvider, TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { knowsModels } from "../native/scripted.testing.ts";
import { SessionChoices } from "./session-choices.ts";
import { nearest } from "./think-levels.ts";
import { end, events, harness, owner, shout, startTurns, transcript } from "./turns.testing.ts";

let host: TestHost;
afterEach(() => host?.close());

const provider = (id: string, models: ModelInfo[], state: object = { ready: true, defaultModel: models[0]?.id }): ScriptedProvider => ({
  contract: "plinth.model-provider",
  id,
  descriptor: { title: id.toUpperCase(), priority: 1, models },
  provider: { status: () => state, models: () => ({ models }), async *stream() {} } as never,
});

const big: ModelInfo = {
  ...{ id: "big-1", contextTokens: 200_000, price: { input: 3, output: 15 } },
  thinking: { efforts: ["low", "medium", "high", "max"] },
};
const small: ModelInfo = { id: "small-1", aliases: ["small"], thinking: { efforts: ["low", "high"], always: true } };

/** What each turn's harness was asked. */
const asked: { model: string; thinking?: unknown }[] = [];
const start = async (): Promise<void> => {
  asked.length = 0;
  const knows = knowsModels({ aliases: { fast: "acme/small-1" } });
  const providers = [
    provider("acme", [big, small]),
    provider("other", [{ id: "odd" }]),
    provider("off", [{ id: "x" }], { ready: false, reason: "No key." }),
  ];
  host = await startTurns({
    harness: harness((input) => {
      const { model, thinking } = input as never as (typeof asked)[number];
      asked.push({ model, ...(thinking === undefined ? {} : { thinking }) });
      return shout(input);
    }),
    extensions: knows.extensions,
    provide: [...providers, ...knows.provide],
  });
};
const say = (text: string, sessionKey = "main") => host.as(owner, () => end(host, text, { sessionKey }));
const answer = async (text: string, sessionKey = "main"): Promise<string> => {
  const { text: said, error } = await say(text, sessionKey);
  return error === undefined ? said : `${error.code}: ${error.message} ${error.next}`;
};

describe("/model", () => {
  it("shows who answers, with what it costs and reads, and chooses for this conversation alone", async () => {
    await start();
    expect(await answer("/model")).toContain(
      "- Model: `auto`, now `acme/big-1`: reads up to 200k tokens, $3 in and $15 out for a million (as the agent has it)",
    );
    expect(await answer("/model acme/small-1")).toContain(
      "This model answers here from the next message on: `acme/small-1`, whose context and price are not known.",
    );
    await say("hello");
    await say("hello", "elsewhere");
    expect(asked).toEqual([{ model: "acme/small-1" }, { model: "auto" }]);
    expect(await answer("/model")).toContain("(chosen for this conversation)");
    expect(await answer("/status")).toContain("- Model: `acme/small-1`");
    await answer("/model default");
    await say("hello");
    expect(asked.at(-1)).toEqual({ model: "auto" });
    expect(await transcript(host)).toContainEqual(expect.objectContaining({ kind: "command", command: "/model acme/small-1" }));
  });

  it("takes aliases and names without a provider, and a model that a message names goes before it", async () => {
    await start();
    for (const [said, model] of [
      ["fast", "fast"],
      ["small", "acme/small-1"],
      ["odd", "other/odd"],
      ["auto", "auto"],
    ]) {
      await answer(`/model ${said}`);
      await say("hello");
      expect(asked.at(-1)?.model).toBe(model);
    }
    await answer("/model odd");
    await host.as(owner, () => end(host, "hello", { model: "acme/big-1" }));
    expect(asked.at(-1)?.model).toBe("acme/big-1");
  });

  it("suggests near names, tells who cannot answer, and takes either all the same where that is wanted", async () => {
    await start();
    expect(await answer("/model acme/bug-1")).toMatch(/^PLINTH_MODEL_UNKNOWN: There is no model `acme\/bug-1`\. Did you mean `acme\/big-1`/);
    expect(await answer("/model big")).toContain("Did you mean `acme/big-1`?");
    expect(await answer("/model nobody/x")).toContain("PLINTH_MODEL_UNKNOWN");
    expect(await answer("/model off/x")).toMatch(/PLINTH_MODEL_NOT_READY: OFF cannot answer now: No key\. .*`\/model off\/x anyway`/);
    await say("hello");
    expect(asked).toEqual([{ model: "auto" }]);
    expect(await answer("/model acme/new-2 anyway")).toContain("`acme/new-2`");
    await say("hello");
    expect(asked.at(-1)).toEqual({ model: "acme/new-2" });
    expect(await answer("/model a b")).toContain("PLINTH_USAGE");
  });

  it("lists what is set up, and all of one provider", async () => {
    await start();
    const all = await answer("/model list");
    expect(all).toContain("**ACME**\n- `acme/big-1`: reads up to 200k tokens, $3 in and $15 out for a million\n- `acme/small-1`");
    expect(all).toContain("other/odd");
    expect(all).not.toContain("off/x");
    expect(await answer("/model list acme")).not.toContain("odd");
    expect(await answer("/model list nobody")).toContain("Those that are: `acme`, `other`.");
  });

  it("is the owner's, whoever else writes in the conversation", async () => {
    await start();
    const guest = await host.as({ role: "guest", via: "chat" }, () => events(host, "/model other/odd"));
    expect(guest.at(-1)).toMatchObject({ text: expect.stringContaining("is for the owner") });
    const run = async () => {
      for await (const _ of host.use("plinth.chat-command").get("model").run({ args: "other/odd", sessionKey: "main" }));
    };
    await expect(host.as({ role: "guest", via: "chat" }, run)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await say("hello");
    expect(asked).toEqual([{ model: "auto" }]);
  });
});

describe("/think", () => {
  it("takes the levels of the model that answers, by their other names as well", async () => {
    await start();
    expect(await answer("/think")).toBe("Thinking: the model's own. `acme/big-1` takes `off`, `low`, `medium`, `high`, `max`.");
    expect(await answer("/think minimal")).toContain("PLINTH_USAGE: `minimal` is no level of thinking here. `acme/big-1` takes `off`");
    await answer("/think highest");
    await say("hello");
    await answer("/think none");
    await say("hello");
    await answer("/think default");
    await say("hello");
    expect(asked).toEqual([{ model: "auto", thinking: { effort: "high" } }, { model: "auto", thinking: "off" }, { model: "auto" }]);
  });

  it("becomes the nearest level of another model, and what is not known is said", async () => {
    await start();
    await answer("/think medium");
    expect(await answer("/model fast")).toContain("It does not know thinking `medium`: `low` is next to it.");
    await say("hello");
    expect(asked.at(-1)).toEqual({ model: "fast", thinking: { effort: "low" } });
    await answer("/model odd");
    expect(await answer("/think xhigh")).toContain("Which levels `other/odd` takes is not known.");
    expect(await answer("/think hugely")).toContain("Choose one of `off`");
  });

  it("finds the next lower level, else the least", () => {
    expect(nearest("xhigh", ["off", "low", "high"])).toBe("high");
    expect(nearest("minimal", ["off", "low", "high"])).toBe("low");
    expect(nearest("off", ["low", "high"])).toBe("low");
    expect(nearest("max", ["own"])).toBeUndefined();
  });
});

describe("a choice", () => {
  it("outlives the host that kept it", async () => {
    const kept = new Map<string, unknown>();
    const store = {
      get: async <T>(key: string) => kept.get(key) as T | undefined,
      set: async (key: string, value: unknown) => void kept.set(key, value),
      delete: async (key: string) => kept.delete(key),
    };
    await new SessionChoices(store).set("trip", { model: "other/odd", thinking: "low" });
    const next = new SessionChoices(store);
    expect(await next.of("trip")).toEqual({ model: "other/odd", thinking: "low" });
    await next.set("trip", { model: null });
    expect(await new SessionChoices(store).of("trip")).toEqual({ thinking: "low" });
    await next.forget("trip");
    expect(kept.size).toBe(0);
  });

  it("ends with its conversation", async () => {
    await start();
    await answer("/model odd", "trip");
    await host.as(owner, () => host.use("plinth.gateway-method").get("sessions.delete").call({ sessionKey: "trip" }));
    await say("hello", "trip");
    expect(asked).toEqual([{ model: "auto" }]);
  });
});
