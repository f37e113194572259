import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ChatServer } from "./chat-server.ts";
import { onCleanUp, sleep, startGateway } from "./lab.ts";
import type { Outside } from "./outside.ts";

const WORK = "voice-work";
const PAGE = "authors/contract.md";

/** What it came to, for whoever wants to look closer. */
export interface Journey {
  /** What the reader said with one voice, then with the other. */
  read: [string, string];
  /** What the tool said. */
  greeted: string;
  /** What the chat server got for the person who was let in. */
  answered: string;
}

/**
 * From an empty folder to six extensions in use at somebody else's: a tool, a channel, and a contract with two providers and a
 * consumer, made from the packed packages, published in a registry of its own. `section` is told what comes next.
 */
export async function goOutside(outside: Outside, section: (title: string) => void = () => {}): Promise<Journey> {
  const author = (line: string, cwd = WORK) => outside.type("author", line, cwd);
  section("An empty machine gets the programs");
  await author("npm install --global plinth @plinth/registry", ".");

  section("Six projects, and one install for all of them");
  await outside.follow(PAGE, ["Where to work", "The contract"], ".");
  await author("plinth create acme.greeter --kind tool");
  await author("plinth create acme.chat --kind channel");
  await outside.follow(PAGE, ["The contract", "A provider"], WORK);

  section("A tool, as it is made, and a channel, whose server is on the author's own machine");
  await author("npm test && npm run check:types && npm run check", `${WORK}/greeter`);
  await author(`sed -i 's/"chat.example.com"/"loopback"/' plinth.json`, `${WORK}/chat`);
  await author("npm test && npm run check:types && npm run check", `${WORK}/chat`);

  section("Two voices and a reader, each knowing nothing of the others but the contract");
  await outside.follow(PAGE, ["A provider", "A consumer"], `${WORK}/voices`, WORK);
  await outside.follow(PAGE, ["A consumer", "Publish and use them"], `${WORK}/quiet`, WORK);

  section("A registry takes them");
  await author("plinth-registry init --dir registry --name example", ".");
  outside.plinthRegistry = (await serve(outside, ["serve", "--dir", "registry", "--port", "0", "--registration", "open", "--json"])).url;
  await author(`plinth registry login ${outside.plinthRegistry} --publisher acme`);
  for (const name of ["voices", "loud", "quiet", "reader", "greeter", "chat"]) await author(`plinth publish ${name}`);

  section("Somebody else, with an empty home, installs and uses them; the gateway is never restarted");
  const user = (line: string) => outside.type("user", line);
  const installed = join(outside.desk, "prefix/lib/node_modules/plinth/kernel/bin/plinth.cjs");
  await startGateway(join(outside.home("user"), ".plinth"), outside.env("user") as Record<string, string>, undefined, installed);
  for (const name of ["reader", "loud", "quiet"]) await user(`plinth plugins install acme.${name} --yes`);
  const first = await user('plinth agent -m "say Hello aloud"');
  await user(`plinth config set 'extensions["acme.reader"].config.voice' quiet`);
  const second = await user('plinth agent -m "say Hello aloud"');
  await user("plinth plugins install acme.greeter --yes");
  const greeted = await user('plinth agent -m "greet Ada"');

  section("The channel connects, a stranger is let in, and is answered");
  const chat = new ChatServer();
  await chat.start();
  onCleanUp(() => chat.stop());
  await user("plinth plugins install acme.chat --yes");
  await user(`plinth config set 'extensions["acme.chat"].config.server' ${chat.url}`);
  chat.write("ada", "let me in");
  await until(() => chat.posted.length > 0);
  const code = /plinth channels pair ([2-9a-z]{8})/.exec(chat.posted[0]!.text)?.[1];
  await user(`plinth channels pair ${code}`);
  const before = chat.posted.length;
  chat.write("ada", "hello");
  await until(() => chat.posted.length > before);
  return { read: [first, second], greeted, answered: chat.posted.at(-1)!.text };
}

/** `plinth-registry` in a process of its own. */
async function serve(outside: Outside, words: string[]): Promise<{ url: string }> {
  const child: ChildProcess = spawn("plinth-registry", words, {
    cwd: outside.home("author"),
    env: outside.env("author"),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  onCleanUp(async () => {
    child.kill("SIGTERM");
    await gone;
  });
  for await (const line of createInterface({ input: child.stdout! })) return JSON.parse(line);
  throw new Error("the registry ended");
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 120_000; !holds(); await sleep(50)) if (Date.now() > end) throw new Error("the channel does not answer");
}
