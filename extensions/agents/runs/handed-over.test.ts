import type { ModelMessage } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { type End, harness, owner, shout, startTurns, transcript } from "./turns.testing.ts";

const said = (role: "user" | "assistant", text: string): ModelMessage => ({ role, content: [{ type: "text", text }] });
const called: ModelMessage = { role: "assistant", content: [{ type: "tool-call", id: "c1", name: "weather", args: { city: "Wien" } }] };
const result: ModelMessage = {
  role: "tool",
  content: [
    { type: "tool-result", callId: "c1", name: "weather", content: [{ type: "text", text: "Sunny." }], opaque: { by: "plinth.x/x", data: 1 } },
  ],
};
const tools = [{ name: "weather", description: "", input: { type: "object" } }];

async function turn(options: { handsOut?: boolean; items?: (input: any) => AsyncIterable<any> }, ...inputs: object[]) {
  const seen: any[] = [];
  const given = harness(async function* (input, call) {
    seen.push({ ...input, influences: call.work?.influences.map(({ party }: { party: string }) => party) });
    yield* (options.items ?? shout)(input);
  });
  const descriptor = { ...(given.descriptor as object), ...(options.handsOut === false ? {} : { handsOut: true }) };
  await using host = await startTurns({ harness: { ...given, descriptor } });
  const ends: End[] = [];
  for (const input of inputs) {
    const asked = { text: "And now?", surface: "test", sessionKey: "main", ...input };
    await host.as(owner, async () => {
      for await (const event of host.use("plinth.turns").one().submit(asked)) if (event.type === "end") ends.push(event as End);
    });
  }
  return { seen, ends, bodies: await transcript(host) };
}

describe("a conversation that comes with its message", () => {
  it("is what the model is shown, instead of what the session remembers", async () => {
    const { seen } = await turn({}, { text: "Remember blue." }, { history: [said("user", "It is red."), said("assistant", "Red.")] }, {});
    const texts = seen.map(({ history }) => history.map(({ content }: ModelMessage) => (content[0] as { text: string }).text));
    expect(texts[1]).toEqual(["It is red.", "Red.", "And now?"]);
    expect(texts[2]).toEqual(["Remember blue.", "REMEMBER BLUE.", "And now?", "AND NOW?", "And now?"]);
  });

  it("counts results in it as text from outside, and has nothing that only a model's maker may say", async () => {
    const { seen, ends } = await turn({}, { history: [said("user", "Hi")] }, { history: [said("user", "Weather?"), called, result], text: "Sunny." });
    expect(seen[0].influences).toEqual([]);
    expect(seen[1].influences).toEqual(["outside"]);
    expect(ends[1]?.origin).toMatchObject({ by: "owner", influences: [{ party: "outside" }] });
    expect(seen[1].history).toHaveLength(3);
    expect(seen[1].history[2].content[0]).toEqual({
      ...{ type: "tool-result", callId: "c1", name: "weather", from: "outside" },
      content: [{ type: "text", text: "Sunny." }],
    });
  });

  it("ends with the calls of tools that were handed over", async () => {
    const items = async function* ({ tools: offered, options }: any) {
      yield { type: "message", message: { ...called, content: [{ type: "text", text: "I look." }, ...called.content] } };
      yield { type: "done", text: "I look.", calls: called.content, reason: "tool-calls", model: `${offered.length}/${options.temperature}` };
    };
    const { ends, bodies } = await turn({ items }, { tools, options: { temperature: 0.5 } });
    expect(ends[0]).toMatchObject({ status: "ok", text: "I look.", reason: "tool-calls", calls: [{ id: "c1", name: "weather" }], model: "1/0.5" });
    expect(bodies.filter(({ kind, message }) => kind === "message" && message.role === "assistant")).toHaveLength(1);
  });

  it("is refused where the harness takes no tools; calls that nobody asked for are not handed out", async () => {
    const { ends } = await turn({ handsOut: false }, { tools }, { options: { temperature: 1 } });
    expect(ends).toMatchObject([
      { status: "error", error: { code: "PLINTH_HARNESS_TOOLS" } },
      { status: "ok", text: "AND NOW?" },
    ]);
    const items = async function* () {
      yield { type: "done", text: "x", calls: called.content, reason: "tool-calls" };
    };
    expect((await turn({ items }, {})).ends[0]).not.toHaveProperty("calls");
  });

  it("takes a slash as text where commands are not wanted", async () => {
    const { ends } = await turn({}, { text: "/status", commands: false }, { text: "/status" });
    expect(ends.map(({ text }) => text.slice(0, 7))).toEqual(["/STATUS", expect.not.stringMatching("/STATUS")]);
  });
});
