import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ChatServer } from "./chat-server.ts";
import { cleanUp, connect, type Gateway, newHome, onCleanUp, plinth, say, scriptedModel, sleep, sse, startGateway } from "./lab.ts";

// One project, made and packed as an author does it; each test installs it into a home of its own.
let work: string;
let archive: string;
let cleanWork: () => Promise<unknown>;

beforeAll(async () => {
  const { mkdtemp, rm, readFile, writeFile } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  work = await mkdtemp(join(tmpdir(), "plinth-channel-"));
  cleanWork = () => rm(work, { recursive: true, force: true });
  const made = await plinth(work, ["create", "acme.chat", "--kind", "channel"], {}, work);
  expect(made.stderr + made.stdout).toContain("Made acme.chat");
  const dir = join(work, "chat");
  // The author's server is on this machine.
  const manifest = join(dir, "plinth.json");
  await writeFile(manifest, (await readFile(manifest, "utf8")).replace('"chat.example.com"', '"loopback"'));
  expect((await plinth(work, ["types", dir], {}, dir)).code).toBe(0);
  const packed = await plinth(work, ["pack", "--out", "chat.tgz"], {}, dir);
  expect(packed.stderr + packed.stdout).toContain("Packed acme.chat");
  archive = join(dir, "chat.tgz");
}, 120_000);
afterAll(() => cleanWork());
afterEach(cleanUp);

const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 60_000; !(await holds()); await sleep(20)) if (Date.now() > end) throw new Error(`it did not happen: ${what}`);
};
const ok = async (home: string, args: string[]): Promise<any> => {
  const { code, stdout, stderr } = await plinth(home, [...args, "--json"]);
  if (code !== 0) throw new Error(`plinth ${args.join(" ")}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
};

/** A chat server, a model that shouts, a gateway, the channel installed while it runs, and ada let in. */
async function start(answer = (text: string) => text.toUpperCase(), drawn?: Buffer) {
  const server = new ChatServer();
  await server.start();
  onCleanUp(() => server.stop());
  const home = await newHome();
  const model = await scriptedModel((body, _request, response) => {
    const { content } = body.messages.at(-1);
    const text = typeof content === "string" ? content : content.map((part: any) => part.text).join("");
    // Lines in brackets tell whose words they are; what came together is one message of several lines.
    const lines = text.split("\n").filter((line: string) => !line.startsWith("["));
    if (drawn === undefined || !text.includes("draw")) return say(response, answer(lines.join(" ")));
    const images = [{ type: "image_url", image_url: { url: `data:image/png;base64,${drawn.toString("base64")}` } }];
    sse.head(response).end(sse.chunk({ content: "Here.", images }) + sse.chunk({}, "stop") + sse.done);
  });
  const gateway = await startGateway(home, model.env);
  await ok(home, ["plugins", "install", archive, "--yes"]);
  expect((await ok(home, ["channels", "list"])).accounts).toMatchObject([{ channel: "chat", state: "unconfigured" }]);
  await ok(home, ["config", "set", 'extensions["acme.chat"].config.server', server.url]);
  await until("it connects", async () => (await ok(home, ["channels", "list"])).accounts[0].state === "connected");
  const restart = async (old: Gateway): Promise<Gateway> => {
    old.child.kill("SIGKILL");
    await until("it is dead", () => old.child.exitCode !== null || old.child.signalCode !== null);
    return startGateway(home, model.env);
  };
  return { server, home, model, gateway, restart };
}

const pair = async (home: string, server: ChatServer, who: string, ...options: string[]): Promise<void> => {
  const before = server.posted.length;
  server.write(who, "let me in");
  await until("there is a code", () => server.posted.length > before);
  const code = /plinth channels pair ([2-9a-z]{8})/.exec(server.posted.at(-1)?.text ?? "")?.[1];
  await ok(home, ["channels", "pair", code ?? "", ...options]);
};
const heard = (server: ChatServer, text: string): number => server.posted.filter((one) => one.text === text).length;

describe("a channel that an author made", () => {
  it("connects when it is installed and configured; a stranger gets a code and no answer; whoever was let in is answered, as a guest", async () => {
    const { server, home, model, gateway } = await start();
    server.write("eve", "let me in");
    await until("eve gets a code", () => server.posted.length === 1);
    expect(server.posted[0]).toMatchObject({ to: "eve" });
    expect(model.requests).toEqual([]);
    await pair(home, server, "ada");
    server.write("ada", "hello");
    await until("ada is answered", () => heard(server, "HELLO") === 1);
    expect(server.posted.at(-1)).toMatchObject({ to: "ada", text: "HELLO" });
    expect(server.typing).toContain("ada");
    expect(model.requests).toHaveLength(1);
    const { entries } = await (await connect(gateway)).request("chat.history", { sessionKey: "chat/default/person/ada" });
    const [asked] = entries;
    expect(asked.origin).toMatchObject({ by: "guest", via: "plinth.channels:chat/default/person/ada" });
    expect(asked.origin.influences.map((one: any) => one.party)).toEqual(
      expect.arrayContaining(["acme.chat", "guest:plinth.channels:chat/default/person/ada"]),
    );
    // Still a stranger, and what is the owner's is not for guests.
    server.write("eve", "hello?");
    server.write("ada", "/channels");
    await until("ada is told", () => server.posted.some(({ to, text }) => to === "ada" && text.includes("is for the owner")));
    expect(heard(server, "HELLO?")).toBe(0);
  }, 180_000);

  it("carries pictures both ways: what somebody sends the model sees, what the model draws arrives", async () => {
    // Both larger than a message part may be.
    const [cat, dog] = [Buffer.alloc(150_000, "cat"), Buffer.alloc(150_000, "dog")];
    const { server, home, model, gateway } = await start((text) => text.toUpperCase(), dog);
    await pair(home, server, "ada");
    server.write("ada", "draw me one like this", { picture: cat });
    await until("there is a picture", () => server.posted.some(({ image }) => image !== undefined));
    const { content } = model.requests.at(-1).messages.at(-1);
    const seen = content.find((part: any) => part.type === "image_url").image_url.url;
    expect(Buffer.from(seen.split(",")[1], "base64").equals(cat)).toBe(true);
    expect(server.posted.at(-2)).toMatchObject({ to: "ada", text: "Here." });
    expect(Buffer.from(server.posted.at(-1)?.image?.base64 ?? "", "base64").equals(dog)).toBe(true);
    // A conversation holds references, not bytes.
    const { entries } = await (await connect(gateway)).request("chat.history", { sessionKey: "chat/default/person/ada" });
    const images = entries.flatMap(({ body }: any) => (body.message?.content ?? []).filter((part: any) => part.type === "image"));
    expect(images.map((part: any) => [typeof part.artifact, part.base64, part.bytes])).toEqual([
      ["string", undefined, 150_000],
      ["string", undefined, 150_000],
    ]);
  }, 180_000);

  it("comes back after its server did, answers what was written meanwhile, and answers an event once however often it comes", async () => {
    const { server, home, model } = await start();
    await pair(home, server, "ada");
    await server.stop();
    server.write("ada", "are you there");
    await until("the loss is seen", async () => (await ok(home, ["channels", "list"])).accounts[0].state !== "connected");
    await server.start();
    await until("ada is answered", () => heard(server, "ARE YOU THERE") === 1);
    for (let n = 0; n < 5; n++) server.repeat();
    server.write("ada", "next");
    await until("ada is answered", () => heard(server, "NEXT") === 1);
    expect(heard(server, "ARE YOU THERE")).toBe(1);
    expect(model.requests).toHaveLength(2);
    expect(server.unacknowledged).toBe(0);
  }, 180_000);

  it("kill -9 while an answer is being sent: the server has every piece once, and the model was asked once", async () => {
    const long = Array.from({ length: 90 }, (_, n) => `line ${n} ${"x".repeat(40)}`).join("\n");
    const { server, home, model, gateway, restart } = await start(() => long);
    await pair(home, server, "ada");
    const before = server.posted.length;
    // The first piece arrives, the second one too, but nobody is told so; then the host dies.
    server.onPost = () => (server.posted.length >= before + 1 ? "hold" : undefined);
    server.write("ada", "tell me");
    await until("the second piece is on its way", () => server.posted.length === before + 2);
    server.onPost = undefined;
    await restart(gateway);
    await until(
      "all of it arrives",
      () =>
        server.posted
          .slice(before)
          .map(({ text }) => text)
          .join("\n") === long,
    );
    expect(server.posted.length).toBe(before + 3);
    expect(server.attempts).toBeGreaterThan(server.posted.length);
    expect(model.requests).toHaveLength(1);
    expect((await ok(home, ["channels", "status", "chat"])).accounts).toMatchObject([{ waiting: 0, toSend: 0, failed: 0, unknown: 0 }]);
  }, 180_000);

  it("kill -9 at any moment of a turn: what was accepted is answered, each once", async () => {
    const { server, home, model, gateway, restart } = await start();
    await ok(home, ["config", "set", 'extensions["plinth.channels"].config.policy', '{"burstMs":0}']);
    await pair(home, server, "ada");
    let current = gateway;
    const words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];
    for (const [index, word] of words.entries()) {
      server.write("ada", word);
      await sleep(index * 25);
      current = await restart(current);
    }
    // Two that waited together may be one turn.
    const answers = (word: string): number => server.posted.filter(({ text }) => text.split(" ").includes(word.toUpperCase())).length;
    await until("all of it is answered", () => words.every((word) => answers(word) > 0));
    server.write("ada", "omega");
    await until("it goes on", () => heard(server, "OMEGA") === 1);
    for (const word of words) expect([word, answers(word)]).toEqual([word, 1]);
    const said = server.posted.filter(({ text }) => words.some((word) => text.split(" ").includes(word.toUpperCase())));
    // One for each answer, and one for omega at least: nothing is answered without the model.
    expect(model.requests.length).toBeGreaterThan(said.length);
  }, 300_000);

  it("a server that refuses for a while gets each message once, in order", async () => {
    const { server, home } = await start();
    await pair(home, server, "ada");
    const before = server.posted.length;
    let refusals = 0;
    server.onPost = () => (++refusals <= 2 ? (refusals === 1 ? "refuse" : "lose") : undefined);
    server.write("ada", "one");
    await until("it arrives", () => heard(server, "ONE") === 1);
    server.write("ada", "two");
    await until("it arrives", () => heard(server, "TWO") === 1);
    expect(server.posted.slice(before).map(({ text }) => text)).toEqual(["ONE", "TWO"]);
    // Sent again until it is answered: more often where the machine is slow.
    expect(refusals).toBeGreaterThanOrEqual(4);
  }, 180_000);

  it("a group is answered where the owner allowed it and the account is meant; the owner's own account is the owner through a third party", async () => {
    const { server, home, gateway } = await start();
    server.write("bob", "hello all", { room: "kitchen", mention: true });
    await until("it is taken", () => server.unacknowledged === 0);
    await ok(home, ["channels", "allow", "chat/default/group/kitchen"]);
    server.write("bob", "not for you", { room: "kitchen" });
    server.write("bob", "hello bot", { room: "kitchen", mention: true });
    await until("the room is answered", () => server.posted.some(({ to, text }) => to === "kitchen" && text.includes("HELLO BOT")));
    expect(server.posted.filter(({ to }) => to === "kitchen")).toHaveLength(1);

    await pair(home, server, "olga", "--owner");
    server.write("olga", "/help");
    await until("olga sees the owner's commands", () => server.posted.some(({ to, text }) => to === "olga" && text.includes("/plugins")));
    server.write("olga", "/channels");
    await until("she decides nothing there", () => server.posted.some(({ to, text }) => to === "olga" && text.includes("acme.chat had a hand")));
    server.write("olga", "hi");
    await until("olga is answered", () => heard(server, "HI") === 1);
    const { entries } = await (await connect(gateway)).request("chat.history", { sessionKey: "chat/default/person/olga" });
    const { origin } = entries.find((entry: any) => entry.body.kind === "message");
    expect(origin).toMatchObject({ by: "owner", via: "plinth.channels:chat/default/person/olga" });
    expect(origin.influences.map((one: any) => one.party)).toEqual(["acme.chat"]);
  }, 180_000);

  it("stops and starts when the operator says so, and stays as it was told over a restart", async () => {
    const { server, home, gateway, restart } = await start();
    await pair(home, server, "ada");
    await ok(home, ["channels", "stop", "chat"]);
    await restart(gateway);
    server.write("ada", "hello");
    expect((await ok(home, ["channels", "list"])).accounts).toMatchObject([{ channel: "chat", state: "stopped" }]);
    await ok(home, ["channels", "start", "chat"]);
    await until("ada is answered", () => heard(server, "HELLO") === 1);
    await ok(home, ["plugins", "uninstall", "acme.chat", "--yes"]).catch(() => ok(home, ["plugins", "uninstall", "acme.chat"]));
    expect((await ok(home, ["channels", "list"])).accounts).toEqual([]);
  }, 180_000);
});
