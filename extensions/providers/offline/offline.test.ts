import type { ModelEvent, ModelMessage } from "@plinth/sdk";
import { createTestHost, describeConformance, modelProviderConformance } from "@plinth/sdk/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Tool } from "./decide.ts";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { matchPattern } from "./say-pattern.ts";

const schema = (properties: object, required: string[] = []) => ({ type: "object", properties, required });
const string = { type: "string" };
const tools: Tool[] = [
  {
    name: "dice",
    description: "",
    say: ["roll a die", "roll a die with {sides} sides"],
    input: schema({
      sides: { type: "integer" },
      loaded: { type: "boolean" },
      bonus: { type: "number" },
      colour: { enum: ["red", "blue"] },
    }),
  },
  { name: "weather", description: "", say: ["weather in {city}"], input: schema({ city: string }, ["city"]) },
  { name: "read", description: "", input: schema({ path: string, limit: { type: "integer" } }, ["path"]) },
  { name: "list", description: "", input: schema({ path: string }) },
  { name: "exec", description: "", say: ["run {command}"], input: schema({ command: string }, ["command"]) },
  { name: "search", description: "", input: schema({ query: string }, ["query"]) },
  { name: "write", description: "", input: schema({ path: string, content: string }, ["path", "content"]) },
];

const host = () => createTestHost({ extensions: [{ manifest, extension }] });

async function ask(messages: ModelMessage[] | string, given = tools): Promise<ModelEvent[]> {
  await using running = await host();
  const items: ModelEvent[] = [];
  const conversation = typeof messages === "string" ? [{ role: "user" as const, content: [{ type: "text" as const, text: messages }] }] : messages;
  for await (const item of running.use("plinth.model-provider").get("offline").stream({ model: "offline", messages: conversation, tools: given }))
    items.push(item);
  return items;
}
const text = (items: ModelEvent[]) => items.map((item) => (item.type === "text" ? item.delta : "")).join("");
const call = async (sentence: string) => {
  const found = (await ask(sentence)).find((item) => item.type === "tool-call");
  return found?.type === "tool-call" ? [found.call.name, found.call.args] : undefined;
};

describeConformance({ describe, it }, "the offline model", modelProviderConformance, {
  open: async () => {
    const running = await host();
    return { provider: running.use("plinth.model-provider").get("offline"), close: () => running.close() };
  },
  good: { model: "offline", messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }] },
  toolCall: { model: "offline", messages: [{ role: "user", content: [{ type: "text", text: "roll a die" }] }], tools },
  bad: { model: "gpt-9", messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }] },
  unsupported: { model: "offline", messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }], output: "json" },
});

describe("the offline model", () => {
  it("says what it is and how to connect a real model", async () => {
    const answer = text(await ask("What is the meaning of life?"));
    for (const word of ["not a language model", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "Ollama", "plinth config set"]) expect(answer).toContain(word);
    expect(text(await ask("Hello!"))).toMatch(/^Hello\. I am/);
  });

  it("calls a tool by a sentence of its author", async () => {
    expect(await call("Roll a die!")).toEqual(["dice", {}]);
    expect(await call("please roll a die with 20 sides")).toEqual(["dice", { sides: 20 }]);
    expect(await call("What's the weather in New York?")).toEqual(["weather", { city: "New York" }]);
    expect(await call("WEATHER IN Köln.")).toEqual(["weather", { city: "Köln" }]);
  });

  it("calls a tool by its name with typed values", async () => {
    expect(await call("call dice sides=20")).toEqual(["dice", { sides: 20 }]);
    expect(await call("use dice with sides=6, loaded=yes bonus=1.5 colour=RED")).toEqual([
      "dice",
      { sides: 6, loaded: true, bonus: 1.5, colour: "red" },
    ]);
    expect(await call('use dice {"sides": 4}')).toEqual(["dice", { sides: 4 }]);
    expect(await call('write path=a.txt content="two words"')).toEqual(["write", { path: "a.txt", content: "two words" }]);
    expect(await call("call read README.md")).toEqual(["read", { path: "README.md" }]);
  });

  it("understands the usual sentences for files and commands", async () => {
    expect(await call("read README.md")).toEqual(["read", { path: "README.md" }]);
    expect(await call("list files")).toEqual(["list", {}]);
    expect(await call("list files in docs")).toEqual(["list", { path: "docs" }]);
    expect(await call('run echo "hi." .')).toEqual(["exec", { command: 'echo "hi." .' }]);
    expect(await call("search TODO")).toEqual(["search", { query: "TODO" }]);
    expect(await call("write go to hell to a.txt")).toEqual(["write", { content: "go to hell", path: "a.txt" }]);
    expect(await call('write "hello" to a.txt')).toEqual(["write", { content: "hello", path: "a.txt" }]);
  });

  it("does not read a request into a sentence that says something else", async () => {
    for (const sentence of ["do not run rm -rf .", "never roll a die", "I wonder about weather in general", "", "use"]) {
      expect(await call(sentence), sentence).toBeUndefined();
    }
  });

  it("explains what is wrong with a request", async () => {
    expect(text(await ask("call dice sides=many"))).toMatch(/sides must be a whole number, not "many".*use dice \[sides=INTEGER\]/);
    expect(text(await ask("use weather"))).toMatch(/city is missing.*use weather city=STRING/);
    expect(text(await ask("use dice faces=6"))).toContain("faces is not one of its arguments");
    expect(text(await ask("use hammer"))).toMatch(/no tool named "hammer".*dice/);
  });

  it("quotes the tool's result in the next round", async () => {
    const result = (content: string, isError = false): ModelMessage[] => [
      { role: "user", content: [{ type: "text", text: "roll a die" }] },
      { role: "assistant", content: [{ type: "tool-call", id: "a", name: "dice", args: {} }] },
      { role: "tool", content: [{ type: "tool-result", callId: "a", name: "dice", content: [{ type: "text", text: content }], isError }] },
    ];
    expect(text(await ask(result("17")))).toBe("The tool dice answered: 17");
    expect(text(await ask(result("no dice", true)))).toBe("The tool dice failed: no dice");
    expect(text(await ask(result("a\n```\nb")))).toBe("The tool dice answered:\n\n````\na\n```\nb\n````");
    expect(text(await ask(result("run rm -rf /")))).toContain("run rm -rf /");
  });

  it("answers in several deltas and counts roughly", async () => {
    const items = await ask("hello");
    expect(items.filter(({ type }) => type === "text").length).toBeGreaterThan(3);
    expect(items.at(-2)).toMatchObject({ type: "usage", usage: { outputTokens: Math.ceil(text(items).length / 4) } });
  });

  it("fits a pattern to exactly the sentences that are made from it", () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    fc.assert(
      fc.property(word, word, word, word, (verb, first, link, second) => {
        fc.pre(link !== second && link !== first);
        expect(matchPattern(`${verb} {a} ${link} {b}`, `${verb.toUpperCase()} ${first} ${link} ${second}`)?.values).toEqual({
          a: first,
          b: second,
        });
        expect(matchPattern(`${verb} {a} ${link} {b}`, `not ${verb} ${first} ${link} ${second}`) === undefined || verb === "not").toBe(true);
      }),
    );
    expect(matchPattern("{a}{b}{c}", "x".repeat(10_000))).toBeUndefined();
    expect(matchPattern("set {__proto__}", "set x")?.values).toEqual(Object.defineProperty({}, "__proto__", { value: "x", enumerable: true }));
  });
});
