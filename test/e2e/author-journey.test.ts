import { execFile, spawn } from "node:child_process";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, expect, it } from "vitest";
import { cleanEnv, cleanUp, newHome, type Outcome, onCleanUp, plinth, root, startGateway } from "./lab.ts";

afterEach(cleanUp);

it("a new author makes, checks, packs and publishes a tool; a running gateway installs and uses it, and shows what an update asks for", async () => {
  const author = await newAuthor();

  // Made from the template: its tests pass with nothing installed, its types hold.
  const created = await author.plinth("create", "my-tool", "--kind", "tool");
  expect(created.code, created.stderr).toBe(0);
  const tested = await author.run("npm", ["test"]);
  expect(tested.code, tested.stdout + tested.stderr).toBe(0);
  expect(tested.stdout).toMatch(/Tests +[1-9]\d* passed/);
  const tsc = () => author.run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "."]);
  expect(await tsc()).toMatchObject({ code: 0, stdout: "" });

  // What the manifest does not declare does not compile.
  const restored = await author.edit("src/index.ts", '"plinth.tool", "my-tool"', '"plinth.tool", "another-tool"');
  const refused = await tsc();
  expect(refused.code).not.toBe(0);
  expect(refused.stdout).toMatch(/src\/index\.ts.*"another-tool".*"my-tool"/);
  await restored();
  expect((await tsc()).code).toBe(0);

  // A changed manifest makes the generated types stale, until they are made again.
  expect((await author.plinth("types", "--check")).code).toBe(0);
  await author.edit("plinth.json", '"default": "Hello"', '"default": "Hello", "maxLength": 40');
  expect((await author.plinth("types", "--check")).code).toBe(0);
  await author.edit("plinth.json", '"greeting": {', '"polite": { "type": "boolean", "default": false },\n      "greeting": {');
  const stale = await author.plinth("types", "--check");
  expect(stale).toMatchObject({ code: 1, stderr: expect.stringContaining("PLINTH_TYPES_STALE") });
  expect((await author.plinth("types")).code).toBe(0);
  expect((await author.plinth("types", "--check")).code).toBe(0);
  expect((await tsc()).code).toBe(0);

  // The same source gives the same bytes, whenever and wherever it is packed.
  expect((await author.plinth("pack")).code).toBe(0);
  for (const name of ["plinth.json", "src/index.ts"]) await utimes(join(author.dir, name), 1, 1);
  expect((await author.plinth("pack", "--out", "../again.tgz")).code).toBe(0);
  const first = await readFile(join(author.dir, "local.my-tool-0.1.0.tgz"));
  expect(first.equals(await readFile(join(author.dir, "../again.tgz")))).toBe(true);

  const registry = join(author.dir, "../registry");
  const publish = () => author.plinth("publish", "--registry", registry);
  const published = await publish();
  expect(published.code, published.stderr).toBe(0);

  // Installed from the conversation, used in the next message.
  const home = await newHome();
  await startGateway(home, { PLINTH_REGISTRY: registry });
  const say = (text: string) => plinth(home, ["agent", "-m", text]);
  const installed = async () => JSON.parse(await readFile(join(home, "plinth.lock"), "utf8")).extensions["local.my-tool"]?.version;
  const asked = await say("/plugins install local.my-tool");
  expect(asked.stdout).toContain("provide tool my-tool");
  expect((await say(`/plugins confirm ${codeIn(asked)}`)).stdout).toContain("installed and ready");
  expect(await installed()).toBe("0.1.0");
  const greeted = JSON.parse((await plinth(home, ["agent", "-m", "greet Ada", "--json"])).stdout);
  expect(greeted).toMatchObject({
    toolCalls: [{ name: "my-tool", args: { name: "Ada" }, isError: false }],
    text: expect.stringContaining("Hello, Ada!"),
  });

  // A version never changes.
  expect(await publish()).toMatchObject({ code: 1, stderr: expect.stringContaining("PLINTH_VERSION_EXISTS") });

  // What a new version may do more is shown before it is installed.
  await author.edit("plinth.json", '"version": "0.1.0"', '"version": "1.1.0"');
  await author.edit("plinth.json", '"tiers":', '"permissions": { "net": ["api.example.com"] },\n  "tiers":');
  expect((await publish()).code).toBe(0);
  const update = await say("/plugins install local.my-tool@1.1.0");
  expect(update.stdout).toMatch(/from 0\.1\.0 to 1\.1\.0[\s\S]*New against the installed version[\s\S]*connect to api\.example\.com[\s\S]*It may/);
  expect(await installed()).toBe("0.1.0");
  expect((await say(`/plugins confirm ${codeIn(update)}`)).stdout).toContain("1.1.0 is installed and ready, in place of 0.1.0");
  expect(await installed()).toBe("1.1.0");
  expect((await say("greet Bob")).stdout).toContain("Hello, Bob!");
}, 180_000);

it("publishes over HTTP to a registry's own process; another home installs it from there, and a withdrawn version is given to nobody", async () => {
  const author = await newAuthor();
  const registry = await startRegistry(join(author.dir, "../registry"));
  expect((await author.plinth("create", "acme.my-tool", "--dir", "my-tool")).code).toBe(0);
  const login = await author.plinth("registry", "login", registry.url, "--publisher", "acme");
  expect(login, login.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/Made a key for acme[\s\S]*Registered the publisher acme/) });

  const shown = JSON.parse((await author.plinth("publish", "--dry-run", "--json")).stdout);
  expect(shown).toMatchObject({ dryRun: true, powers: ["provide tool my-tool"], registryWould: { accept: true } });
  const published = await author.plinth("publish", "--json");
  expect(JSON.parse(published.stdout)).toMatchObject({ id: "acme.my-tool", version: "0.1.0", registry: registry.url });

  const user = await newHome();
  const install = () => plinth(user, ["plugins", "install", "acme.my-tool", "--yes"], { PLINTH_REGISTRY: registry.url });
  const installed = await install();
  expect(installed.code, installed.stdout + installed.stderr).toBe(0);
  const greeted = JSON.parse((await plinth(user, ["agent", "-m", "greet Ada", "--json"])).stdout);
  expect(greeted).toMatchObject({ text: expect.stringContaining("Hello, Ada!"), toolCalls: [{ name: "my-tool", isError: false }] });

  expect((await author.plinth("yank", "acme.my-tool@0.1.0", "--reason", "greets too loudly")).code).toBe(0);
  expect((await plinth(user, ["plugins", "uninstall", "acme.my-tool", "--yes"])).code).toBe(0);
  expect((await install()).stderr).toMatch(/PLINTH_VERSION_YANKED.*greets too loudly/);

  expect((await author.plinth("registry", "logout")).stdout).toContain("revoked");
  expect(await author.plinth("publish", "--registry", registry.url)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("PLINTH_TOKEN_MISSING"),
  });
}, 180_000);

/** `plinth-registry` in a process of its own, open to whoever brings a key. */
async function startRegistry(dir: string): Promise<{ url: string }> {
  const bin = join(root, "registry/server/bin.cjs");
  const env = cleanEnv();
  const made = await new Promise((resolve) => execFile(process.execPath, [bin, "init", "--dir", dir, "--name", "test"], { env }, resolve));
  expect(made).toBeNull();
  const args = [bin, "serve", "--dir", dir, "--port", "0", "--registration", "open", "--json"];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  onCleanUp(async () => {
    child.kill("SIGTERM");
    await gone;
  });
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line);
  return expect.fail("the registry ended");
}

const codeIn = ({ stdout }: Outcome): string => /\/plugins confirm ([A-Z0-9]+)/.exec(stdout)?.[1] ?? expect.fail(`no code in: ${stdout}`);

/** Somebody with an empty home and an empty folder, whose tool will lie in `dir`. */
async function newAuthor() {
  const home = await newHome();
  const desk = join(home, "desk");
  const dir = join(desk, "my-tool");
  await mkdir(desk);
  expect(await readdir(home)).toEqual(["desk"]);
  // npm finds nothing but the Node that runs this test, and asks no network.
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  const env = cleanEnv({
    HOME: home,
    PLINTH_HOME: join(home, ".plinth"),
    PATH: path,
    npm_config_offline: "true",
    npm_config_update_notifier: "false",
    NO_COLOR: "1",
  });
  delete env.FORCE_COLOR;
  return {
    dir,
    plinth: (...args: string[]) => plinth(join(home, ".plinth"), args, { HOME: home }, args[0] === "create" ? desk : dir),
    run: (program: string, args: string[]): Promise<Outcome> =>
      new Promise((resolve) => {
        execFile(program, args, { cwd: dir, env, timeout: 60_000 }, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
        );
      }),
    /** Change a file; the answer changes it back. */
    async edit(name: string, from: string, to: string): Promise<() => Promise<void>> {
      const before = await readFile(join(dir, name), "utf8");
      expect(before).toContain(from);
      await writeFile(join(dir, name), before.replace(from, to));
      return () => writeFile(join(dir, name), before);
    },
  };
}
