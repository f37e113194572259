import { execFile } from "node:child_process";
import { chmodSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { hasVerdaccio, Verdaccio } from "../peers/verdaccio.testing.ts";
import { cleanEnv, cleanUp, type Outcome, onCleanUp, root, startGateway } from "./lab.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

/** Where this machine's npm finds what others published; null without a network. */
const upstream = await new Promise<string | null>((resolve) =>
  execFile("npm", ["config", "get", "registry"], { cwd: tmpdir(), env: cleanEnv() }, (error, stdout) => resolve(error ? null : stdout.trim())),
);
const online =
  upstream !== null &&
  (await fetch(`${upstream.replace(/\/?$/, "/")}vitest`, { method: "HEAD" }).then(
    ({ ok }) => ok,
    () => false,
  ));
if (!online) console.warn("skipped: the packages as others install them (the npm registry cannot be reached)");

/** Somebody with an empty home and an empty folder, and no clone of this repository. */
let desk: string;
let registry: Verdaccio;
const tarballs = new Map<string, string>();

const run = (program: string, words: string[], cwd: string): Promise<Outcome> =>
  new Promise((resolve) => {
    const env = cleanEnv({
      HOME: join(desk, "home"),
      PLINTH_HOME: join(desk, "home/.plinth"),
      PATH: [join(desk, "prefix/bin"), dirname(process.execPath), process.env.PATH].join(delimiter),
      npm_config_registry: registry.url,
      npm_config_audit: "false",
      npm_config_fund: "false",
      npm_config_update_notifier: "false",
      NO_COLOR: "1",
    });
    delete env.FORCE_COLOR;
    execFile(program, words, { cwd, env, timeout: 240_000, maxBuffer: 32 * 1_048_576 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
const done = async (program: string, words: string[], cwd: string): Promise<string> => {
  const { code, stdout, stderr } = await run(program, words, cwd);
  expect(code, `${program} ${words.join(" ")}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
};

describe.skipIf(!hasVerdaccio || !online)("the packages, as others install them", () => {
  beforeAll(async () => {
    desk = await mkdtemp(join(tmpdir(), "plinth-outside-"));
    chmodSync(desk, 0o755);
    onCleanUp(() => rm(desk, { recursive: true, force: true, maxRetries: 5 }));
    await mkdir(join(desk, "home"));
    registry = await Verdaccio.start(upstream as string);
    onCleanUp(() => registry.stop());
    await writeFile(join(desk, "home/.npmrc"), `${registry.url.replace("http:", "")}:_authToken=${registry.token}\n`);
    const packed = await done(process.execPath, [join(root, ".ci/packages.mjs"), join(desk, "packed")], root);
    for (const path of packed.trim().split("\n")) {
      await done("npm", ["publish", path, "--access", "public"], desk);
      tarballs.set(path.replace(/^.*\/|-[\d.]+\.tgz$/g, ""), path);
    }
  });
  afterAll(cleanUp);

  it.each([
    [
      "plinth-manifests",
      'import { contracts, Manifest } from "@plinth/manifests"; import { canonicalJson } from "@plinth/manifests/canonical-json.js"; console.log(Object.keys(contracts).length > 20, canonicalJson({ b: 1, a: 2 }), typeof Manifest)',
    ],
    [
      "plinth-sdk",
      'import { defineExtension } from "@plinth/sdk"; import { createTestHost } from "@plinth/sdk/testing"; console.log(true, defineExtension({ activate() {} }).plinth, typeof createTestHost)',
    ],
    [
      "plinth-registry",
      'import { generateKey, packFiles } from "@plinth/registry"; import { startRegistryServer } from "@plinth/registry/server"; console.log(true, (await packFiles([["a", "b"]])).length > 20, typeof startRegistryServer)',
    ],
  ])("%s installs alone into an empty folder, imports under plain Node, and has its types", async (name, code) => {
    const dir = join(desk, name);
    await mkdir(dir);
    await writeFile(join(dir, "package.json"), '{"type":"module","private":true}');
    await done("npm", ["install", tarballs.get(name) as string], dir);
    await writeFile(join(dir, "plain.js"), code);
    expect(await done(process.execPath, ["plain.js"], dir)).toMatch(/^true /);
    await writeFile(join(dir, "typed.ts"), code);
    const types = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
    const strict = ["--strict", "--module", "nodenext", "--target", "es2024", "--noEmit", "--skipLibCheck", "false", ...types];
    const tsc = [join(root, "node_modules/typescript/bin/tsc"), ...strict];
    await done(process.execPath, [...tsc, "typed.ts"], dir);
    await writeFile(join(dir, "wrong.ts"), code.replace("console.log(", "const no: { nothing: 1 } = console.log("));
    expect((await run(process.execPath, [...tsc, "wrong.ts"], dir)).stdout).toContain("TS2322");
  });

  it("`npm install -g plinth` brings a program that makes an extension; it installs, checks, tests, packs, and a gateway uses it", async () => {
    const prefix = join(desk, "prefix");
    await done("npm", ["install", "-g", "--prefix", prefix, "plinth"], desk);
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    expect((await done("plinth", ["--version"], desk)).trim()).toBe(version);

    expect(await done("plinth", ["create", "acme.greeter", "--dir", "greeter"], desk)).toContain("cd greeter && npm install && npm test");
    const project = join(desk, "greeter");
    for (const file of ["package.json", "tsconfig.json", ".github/workflows/check.yml"])
      expect(await readFile(join(project, file), "utf8"), file).not.toMatch(/file:|\/tmp\/|node_modules|__[A-Z]+__/);
    await done("npm", ["install"], project);
    await done("npm", ["run", "check:types"], project);
    expect(await done("npm", ["test"], project)).toMatch(/Tests +[1-9]\d* passed/);
    const checked = await done("npm", ["run", "check"], project);
    expect(checked).toMatch(/ok +compiles[\s\S]*ok +tests +\d+ tests pass, the contract's suite among them[\s\S]*It is ready to publish/);
    await done("npm", ["run", "pack"], project);
    expect(await readdir(project)).toContain("acme.greeter-0.1.0.tgz");

    const installed = join(prefix, "lib/node_modules/plinth");
    await startGateway(join(desk, "home/.plinth"), { HOME: join(desk, "home") }, undefined, join(installed, "kernel/bin/plinth.cjs"));
    await done("plinth", ["plugins", "install", join(project, "acme.greeter-0.1.0.tgz"), "--yes"], desk);
    const answer = JSON.parse(await done("plinth", ["agent", "-m", "greet Ada", "--json"], desk));
    expect(answer).toMatchObject({ text: expect.stringContaining("Hello, Ada!"), toolCalls: [{ name: "greeter", isError: false }] });
  });
});
