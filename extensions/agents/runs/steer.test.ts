import { type TurnEvent, textOf } from "@plinth/sdk";
import type { ScriptedProvider, TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { gate, owner, startTurns, words } from "./turns.testing.ts";

let host: TestHost;
afterEach(() => host.close());
const turns = () => host.use("plinth.turns").one();
type Input = Parameters<ReturnType<typeof turns>["submit"]>[0];

async function ends(input: Omit<Input, "surface">): Promise<Extract<TurnEvent, { type: "end" }>> {
  let last: TurnEvent | undefined;
  for await (const event of turns().submit({ surface: "test", ...input })) last = event;
  return last as Extract<TurnEvent, { type: "end" }>;
}
const waitingFor = async (running: number, queued: number) =>
  expect
    .poll(async () => ({ ...(await turns().status({})), running: (await turns().status({})).running.length }), { timeout: 20_000 })
    .toEqual({ running, queued });
const text = (value: string) => ({ type: "text" as const, text: value });

/** A harness that takes in what it is told, each at its place, until it is let go on. */
function listening(go: Promise<void>, takes: "now" | "no" = "now"): ScriptedProvider {
  const told: any[] = [];
  let heard = Promise.withResolvers<void>();
  return {
    contract: "plinth.harness",
    id: "native",
    descriptor: { title: "native", emits: [], steers: true },
    provider: {
      steer: ({ content }: any) => {
        if (takes === "now") told.push(content);
        heard.resolve();
        return { taken: takes };
      },
      async *run({ history }: any) {
        const asked = textOf(history.at(-1).content);
        if (asked === "one") {
          yield { type: "message", message: { role: "assistant", content: [text("on it")] } };
          await heard.promise;
          heard = Promise.withResolvers();
          // What it makes of the words is not what is kept.
          for (const _ of told.splice(0)) yield { type: "message", message: { role: "user", content: [text("made up")] } };
          await go;
        }
        yield { type: "done", text: `answered ${asked}`, model: "test/m" };
      },
    } as never,
  };
}
describe("a message in the mode steer", () => {
  const begin = async (provider: ScriptedProvider): Promise<void> => {
    host = await startTurns({ harness: provider });
  };

  it("is said into the running turn of the same person, stands in the transcript where it was taken in, and has no turn of its own", async () => {
    const go = gate();
    await begin(listening(go.wait));
    const one = ends({ text: "one" });
    await waitingFor(1, 0);
    expect(await ends({ text: "and be brief", mode: "steer" })).toMatchObject({ status: "ok", text: "", error: { code: "PLINTH_MESSAGE_STEERED" } });
    go.open();
    expect(await one).toMatchObject({ status: "ok", text: "answered one" });
    expect(await words(host)).toEqual(["user: one", "assistant: on it", "user: and be brief", "assistant: answered one", "ok"]);
    expect((await host.use("plinth.session-store").one().list({})).sessions[0]).not.toHaveProperty("waiting");
  });

  it("is not said to be taken back while a harness may take it in at any moment", async () => {
    const go = gate();
    const handed = gate();
    const provider = listening(go.wait, "no");
    const { steer } = provider.provider as any;
    (provider.provider as any).steer = async (input: any) => {
      handed.open();
      await go.wait;
      return steer(input);
    };
    await begin(provider);
    const one = ends({ text: "one" });
    await waitingFor(1, 0);
    const two = ends({ text: "two", mode: "steer", runId: "r2" });
    await handed.wait;
    expect(await turns().withdraw({ runId: "r2" })).toEqual({ withdrawn: false });
    go.open();
    expect([(await one).text, (await two).text]).toEqual(["answered one", "answered two"]);
  });

  it("can be typed as /steer TEXT, whatever is set, and is never a command", async () => {
    const go = gate();
    await begin(listening(go.wait));
    const one = ends({ text: "one" });
    await waitingFor(1, 0);
    expect(await ends({ text: "/steer /new and be brief", mode: "followup" })).toMatchObject({ error: { code: "PLINTH_MESSAGE_STEERED" } });
    expect((await ends({ text: "/steer" })).text).toContain("/steer TEXT");
    go.open();
    await one;
    expect((await words(host)).filter((line) => line.startsWith("user"))).toEqual(["user: one", "user: /new and be brief"]);
    expect(await ends({ text: "/steer nobody works" })).toMatchObject({ status: "ok", text: "answered nobody works" });
  });

  it.each([
    ["of somebody else", "now", { role: "guest", via: "test", name: "ann" }],
    ["that its harness does not take", "no", owner],
  ] as const)("%s has a turn of its own, afterwards", async (_, takes, who) => {
    const go = gate();
    await begin(listening(go.wait, takes));
    const one = host.as(owner, () => ends({ text: "one" }));
    await waitingFor(1, 0);
    const two = host.as(who, () => ends({ text: "two", mode: "steer" }));
    await waitingFor(1, 1);
    // It was not told; it is only to go on.
    await host
      .use("plinth.harness")
      .get("native")
      .steer({ runId: "x", content: [text("go on")], when: "now" });
    go.open();
    expect([(await one).text, (await two).text]).toEqual(["answered one", "answered two"]);
    expect((await words(host)).filter((line) => line.startsWith("user"))).toContain("user: two");
  });
});

describe("what the router says of a message", () => {
  it("is what becomes of it while the session is busy, where the message does not say", async () => {
    const go = gate();
    host = await startTurns({ harness: listening(go.wait), route: { lane: { mode: "steer" } } });
    const one = ends({ text: "one" });
    await waitingFor(1, 0);
    const own = ends({ text: "afterwards", mode: "followup" });
    await waitingFor(1, 1);
    expect(await ends({ text: "and be brief" })).toMatchObject({ error: { code: "PLINTH_MESSAGE_STEERED" } });
    go.open();
    expect([(await one).text, (await own).text]).toEqual(["answered one", "answered afterwards"]);
  });

  it("makes its turn a guest's work, and nobody's more than it was", async () => {
    const roles: string[] = [];
    const run = async function* (_: unknown, { work }: any) {
      roles.push(work.principal.role);
      yield { type: "done", text: "x", model: "test/m" };
    };
    for (const role of ["guest", "owner"]) {
      host = await startTurns({ run, route: { role } });
      await host.as(owner, () => ends({ text: "one" }));
      await host.as({ role: "guest", via: "test" }, () => ends({ text: "two" }));
      await host.close();
    }
    expect(roles).toEqual(["guest", "guest", "owner", "guest"]);
  });
});
