import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { ChatServer } from "./chat-server.ts";
import { cleanUp, connect, newHome, onCleanUp, plinth, say, scriptedModel, sleep, sse, startGateway } from "./lab.ts";

let work: string;
let archive: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "plinth-routing-"));
  expect((await plinth(work, ["create", "acme.chat", "--kind", "channel"], {}, work)).code).toBe(0);
  const dir = join(work, "chat");
  const manifest = join(dir, "plinth.json");
  await writeFile(manifest, (await readFile(manifest, "utf8")).replace('"chat.example.com"', '"loopback"'));
  expect((await plinth(work, ["types", dir], {}, dir)).code).toBe(0);
  const packed = await plinth(work, ["pack", "--out", "chat.tgz"], {}, dir);
  expect(packed.stderr + packed.stdout).toContain("Packed acme.chat");
  archive = join(dir, "chat.tgz");
}, 120_000);
afterAll(() => rm(work, { recursive: true, force: true }));
afterEach(cleanUp);

const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 60_000; !(await holds()); await sleep(20)) if (Date.now() > end) throw new Error(`it did not happen: ${what}`);
};

/** A model that does what it is told, in the words `TOOL {"json":"arguments"}`, and says which model it is and how much it was told. */
const obeys = () =>
  scriptedModel((body, _request, response) => {
    const last = body.messages.at(-1);
    const text = typeof last.content === "string" ? last.content : last.content.map((part: any) => part.text ?? "").join("");
    if (last.role === "tool") return say(response, text);
    const [, tool, args] = /^(read|write|recall|list) (\{.*\})$/m.exec(text) ?? [];
    if (tool !== undefined && args !== undefined) {
      if (!body.tools?.some((one: any) => one.function.name === tool)) return say(response, `no tool ${tool}`);
      return void sse.head(response).end(sse.call("c1", tool, JSON.parse(args)) + sse.done);
    }
    say(response, `${body.model} ${body.messages.filter(({ role }: any) => role === "user").length}`);
  });

it("two agents answer on one channel, each with its model, history, tools and workspace, and neither reads what the other has", async () => {
  const server = new ChatServer();
  await server.start();
  onCleanUp(() => server.stop());
  const home = await newHome();
  const model = await obeys();
  const gateway = await startGateway(home, model.env);
  const ok = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await plinth(home, [...args, "--json"]);
    if (code !== 0) throw new Error(`plinth ${args.join(" ")}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  };
  await ok("plugins", "install", archive, "--yes");
  await ok("config", "set", 'extensions["acme.chat"].config.server', server.url);
  await until("it connects", async () => (await ok("channels", "list")).accounts[0].state === "connected");
  for (const who of ["ada", "bob"]) await ok("channels", "allow", `chat/default/person/${who}`);
  await ok("config", "set", 'extensions["plinth.router"].config.model', "openai/first");
  await ok("agents", "add", "desk", "--model", "openai/second", "--bind", "chat/default/person/ada");
  expect(await ok("route", "explain", "chat/default/person/ada")).toMatchObject({
    agent: "desk",
    tier: "peer",
    sessionKey: "agent:desk:chat/default/person/ada",
  });
  const heard = async (who: string, text: string): Promise<string> => {
    const before = server.posted.length;
    server.write(who, text);
    await until(`${who} is answered`, () => server.posted.slice(before).some(({ to }) => to === who));
    return server.posted.slice(before).find(({ to }) => to === who)?.text ?? "";
  };
  expect([await heard("ada", "hello"), await heard("ada", "again"), await heard("bob", "hello")]).toEqual(["second 1", "second 2", "first 1"]);
  // What is bound now is asked with the next message; what was said stays where it was said.
  const client = await connect(gateway);
  const saidIn = async (sessionKey: string): Promise<number> => (await client.request("chat.history", { sessionKey })).entries.length;
  expect(await saidIn("agent:desk:chat/default/person/ada")).toBeGreaterThan(0);
  expect(await saidIn("chat/default/person/ada")).toBe(0);
  await ok("agents", "unbind", "desk", "--all");
  expect(await heard("ada", "hello")).toBe("first 1");
  await ok("agents", "bind", "desk", "chat/default/person/ada");
  expect(await heard("ada", "hello")).toBe("second 3");

  // The owner's own words, to the one and to the other.
  const told = async (text: string, session: string): Promise<string> => (await ok("agent", "-m", text, "--session", session)).text;
  expect((await ok("agent", "-m", "hello", "--agent", "desk")).sessionKey).toBe("agent:desk:main");
  await told('write {"path":"plan.txt","content":"the desk\'s plan"}', "agent:desk:main");
  expect(await readFile(join(home, "workspaces/desk/plan.txt"), "utf8")).toBe("the desk's plan");
  expect(await told('read {"path":"plan.txt"}', "agent:desk:main")).toContain("the desk's plan");
  await told("the password is swordfish", "agent:desk:main");
  const paths = ["plan.txt", "../workspaces/desk/plan.txt", join(home, "workspaces/desk/plan.txt"), "../../workspaces/desk/plan.txt"];
  for (const path of paths)
    expect(await told(`read ${JSON.stringify({ path })}`, "main")).toMatch(/is not inside the workspace|There is no such file/);
  expect(await told('list {"depth":10}', "main")).not.toContain("plan.txt");
  expect(await told('recall {"words":"swordfish"}', "agent:desk:main")).toContain("password is");
  expect(await told('recall {"words":"swordfish"}', "main")).not.toContain("password is");
  // And none of the tools that it may not have.
  await ok("config", "set", 'extensions["plinth.router"].config.agents.entries.desk.tools', '{"deny":["wri*"]}');
  expect(await told('write {"path":"more.txt","content":"x"}', "agent:desk:main")).toBe("no tool write");
  expect(await told('write {"path":"more.txt","content":"x"}', "main")).not.toBe("no tool write");

  // What is another agent's is told, and the file is as it was.
  const file = await readFile(join(home, "plinth.json"), "utf8");
  const taken = await plinth(home, ["agents", "bind", "main", "chat/default/person/ada"]);
  expect(taken.code).not.toBe(0);
  expect(taken.stderr).toContain("PLINTH_BINDING_TAKEN");
  expect(await readFile(join(home, "plinth.json"), "utf8")).toBe(file);
  // An agent that is gone: nobody goes on with its conversations.
  await ok("agents", "delete", "desk");
  const gone = await plinth(home, ["agent", "-m", "hello", "--session", "agent:desk:main"]);
  expect(gone.stderr).toContain("PLINTH_NO_AGENT");
  expect((await client.request("agents.list")).agents.map(({ id }: any) => id)).toEqual(["main"]);
}, 240_000);
