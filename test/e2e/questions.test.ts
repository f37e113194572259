import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packFiles, publishRemotely } from "@plinth/registry";
import { afterEach, expect, it } from "vitest";
import { startTestRegistry, stopTestRegistries } from "../../registry/server/server.testing.ts";
import { cleanUp, connect, newHome, plinth, say, scriptedModel, sse, startGateway } from "./lab.ts";

afterEach(async () => {
  await cleanUp();
  await stopTestRegistries();
});

/** A model that does the steps of the newest message, one tool after the other, each a line `TOOL {…}`. */
const obedient = () =>
  scriptedModel((body, _request, response) => {
    const from = body.messages.findLastIndex((one: any) => one.role === "user");
    const steps = String(body.messages[from].content)
      .split("\n")
      .flatMap((line) => /^(\w+) (\{.*\})$/.exec(line) ?? []);
    // A call and its result are two messages; a step is three parts of `steps`.
    const next = ((body.messages.length - from - 1) / 2) * 3;
    if (next >= steps.length) return say(response, "done");
    sse.head(response).end(sse.call(`c${next}`, steps[next + 1] as string, JSON.parse(steps[next + 2] as string)) + sse.done);
  });

/** A gateway whose every question is counted, and answered with `answer`. */
async function world(env: Record<string, string>, answer: string) {
  const home = await newHome();
  await mkdir(join(home, "workspace"));
  const client = await connect(await startGateway(home, env));
  const asked: any[] = [];
  const watching = client.request("approvals.watch", {}, (step) => {
    if (step.state !== "asked") return;
    asked.push(step.request);
    const { id, digest } = step.request;
    client.request("approvals.answer", { id, digest, option: answer }).catch(() => {});
  });
  watching.catch(() => {});
  /** What tools answered in a turn, in their order; a failed one with its words. */
  const turn = async (text: string, sessionKey: string): Promise<string[]> => {
    const events = await client.turn(text, sessionKey);
    expect(events.at(-1)).toMatchObject({ type: "end", status: "ok" });
    return events
      .filter(({ type }) => type === "tool-end")
      .map(({ result }) => `${result.isError === true ? "FAILED " : ""}${result.content.map((one: any) => one.text).join("")}`);
  };
  /** A slash command as an owner types it; its answer. */
  const type = async (text: string): Promise<string> => (await client.turn(text, "typed")).at(-1).text;
  /** How many codes had to be typed until what `text` wants was done. */
  const consents = async (text: string): Promise<number> => {
    let answered = 0;
    for (let told = await type(text); ; told = await type(`/plugins confirm ${/confirm ([2-9A-Z]{8})/.exec(told)?.[1]}`)) {
      if (!/confirm [2-9A-Z]{8}/.test(told)) return answered;
      answered++;
    }
  };
  return { home, client, asked, turn, type, consents };
}

it("with the offline model: running a command, installing demo.dice and using it takes one yes, to the installation", async () => {
  const { home, asked, turn, consents } = await world({}, "deny");
  expect(await turn("run echo hello", "a")).toEqual([expect.stringContaining("hello")]);
  expect(await consents("/plugins install demo.dice")).toBe(1);
  expect(await turn("roll 2 dice", "b")).toEqual([expect.stringMatching(/\d/)]);
  expect(await turn("write hello to note.txt", "b")).toEqual([expect.stringContaining("note.txt")]);
  expect(await turn("read note.txt", "b")).toEqual(["hello"]);
  expect(await turn("list files", "b")).toEqual([expect.stringContaining("note.txt")]);
  expect((await plinth(home, ["agent", "-m", "roll 2 dice"])).code).toBe(0);
  expect(asked).toEqual([]);
}, 90_000);

it("with a connected model: files, and a turn of several steps with a command of one's own words, ask nothing", async () => {
  const { asked, turn } = await world((await obedient()).env, "deny");
  const steps = [
    'write {"path":"plan.txt","content":"one two"}',
    'read {"path":"plan.txt"}',
    'edit {"path":"plan.txt","find":"two","replace":"three"}',
    "list {}",
    'search {"query":"three"}',
  ];
  for (const step of steps) expect(await turn(step, "files")).not.toEqual([expect.stringMatching(/^FAILED/)]);
  const several = ['read {"path":"plan.txt"}', 'write {"path":"copy.txt","content":"one three"}', 'exec {"command":"wc -w copy.txt"}'];
  expect(await turn(several.join("\n"), "files")).toEqual(["one three", expect.stringContaining("copy.txt"), expect.stringContaining("2 copy.txt")]);
  expect(await turn('exec {"command":"echo again"}', "another")).toEqual([expect.stringContaining("again")]);
  expect(asked).toEqual([]);
}, 90_000);

it("looking after extensions: each installation takes one yes; updates that ask for nothing new, and all the rest, none", async () => {
  const registry = await startTestRegistry();
  const key = await registry.publisher("acme", "ann");
  const remote = registry.remote(await registry.token("ann"));
  const publish = async (id: string, version: string) => {
    const manifest = { id, version, title: id, description: "For a test.", license: "MIT", engines: { plinth: "^0.1.0" }, entry: "./index.js" };
    const code = `export default { plinth: 1, start: async () => ({ stop() {} }) };\n// ${version}\n`;
    const files: [string, string][] = [
      ["plinth.json", JSON.stringify(manifest)],
      ["index.js", code],
    ];
    await publishRemotely(remote, await packFiles(files), key);
  };
  await publish("acme.geo", "1.0.0");
  await publish("acme.map", "1.0.0");
  const { home, client, asked, consents } = await world({ PLINTH_REGISTRY: registry.url }, "deny");
  const versions = async () =>
    Object.fromEntries(
      (await client.request("plugins.list")).extensions.filter(({ id }: any) => id.startsWith("acme.")).map(({ id, version }: any) => [id, version]),
    );
  expect(await consents("/plugins install acme.geo")).toBe(1);
  expect(await consents("/plugins install acme.map")).toBe(1);
  expect(await versions()).toEqual({ "acme.geo": "1.0.0", "acme.map": "1.0.0" });
  await publish("acme.geo", "1.1.0");
  expect(await consents("/plugins update acme.geo")).toBe(0);
  expect(await versions()).toEqual({ "acme.geo": "1.1.0", "acme.map": "1.0.0" });
  for (const order of ["disable acme.map", "enable acme.map", "rollback acme.geo"]) expect(await consents(`/plugins ${order}`)).toBe(0);
  expect(await versions()).toEqual({ "acme.geo": "1.0.0", "acme.map": "1.0.0" });
  for (const words of [
    ["plugins", "uninstall", "acme.geo", "--yes"],
    ["config", "set", "log.level", "info"],
    ["config", "unset", "log.level"],
    ["sessions", "list"],
  ]) {
    expect(await plinth(home, words)).toMatchObject({ code: 0 });
  }
  expect(await versions()).toEqual({ "acme.map": "1.0.0" });
  expect(asked).toEqual([]);
}, 120_000);

it("after text from outside the next command is asked for once, and after `session` not again in that conversation", async () => {
  const { home, asked, turn } = await world((await obedient()).env, "session");
  await writeFile(join(home, "workspace", "page.txt"), "from elsewhere");
  expect(await turn('exec {"command":"cat page.txt"}', "s")).toEqual([expect.stringContaining("from elsewhere")]);
  expect(asked).toEqual([]);
  expect(await turn('exec {"command":"echo second"}', "s")).toEqual([expect.stringContaining("second")]);
  expect(asked).toMatchObject([{ action: { tool: "exec", args: { command: "echo second" } }, influencedBy: [{ party: "outside" }] }]);
  expect(await turn('exec {"command":"echo third"}', "s")).toEqual([expect.stringContaining("third")]);
  expect(await turn('exec {"command":"echo fourth"}', "s")).toEqual([expect.stringContaining("fourth")]);
  expect(asked).toHaveLength(1);
}, 90_000);

it("an extension's tool, once installed, has a hand in every turn: the first command of a conversation is asked for once", async () => {
  const { home, asked, turn, consents } = await world({}, "session");
  expect(await consents("/plugins install demo.dice")).toBe(1);
  for (const word of ["first", "second"]) expect(await turn(`run echo ${word}`, "c")).toEqual([expect.stringContaining(word)]);
  expect(asked).toMatchObject([{ influencedBy: [{ party: "demo.dice", how: "describes the tool dice" }], options: expect.any(Array) }]);
  expect(asked[0].options.map(({ id }: any) => id)).toEqual(["once", "session", "always", "deny"]);
  // A shell without a terminal shows the same, and who had a hand in it.
  const { code, stdout, stderr } = await plinth(home, ["agent", "--wait", "--session", "d", "-m", "run echo third"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("third") });
  expect(stderr).toMatch(/echo third.*demo\.dice.*allowed \(session\)/s);
  expect(asked).toHaveLength(2);
}, 90_000);
