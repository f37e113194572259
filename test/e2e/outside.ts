import { execFile } from "node:child_process";
import { chmodSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { Verdaccio } from "../peers/verdaccio.testing.ts";
import { cleanEnv, type Outcome, root } from "./lab.ts";

/** Who sits at a machine with an empty home: somebody who writes extensions, and two who use them. */
const PEOPLE = ["author", "user", "other"] as const;
export type Who = (typeof PEOPLE)[number];

/** A line that was typed, and what came of it. */
export interface Typed {
  who: Who;
  line: string;
  ms: number;
  said: string;
}

const npmSays = (key: string): Promise<string | null> =>
  run("npm", ["config", "get", key], tmpdir(), cleanEnv()).then(({ code, stdout }) => (code === 0 ? stdout.trim() : null));

/** Where this machine's npm keeps what it fetched. */
export const npmCache = (): Promise<string | null> => npmSays("cache");

/** Where this machine's npm finds what others published; null without a network. */
export async function npmRegistry(): Promise<string | null> {
  const asked = await npmSays("registry");
  if (asked === null) return null;
  const answer = await fetch(`${asked.replace(/\/?$/, "/")}vitest`, { method: "HEAD" }).catch(() => ({ ok: false }));
  return answer.ok ? asked : null;
}

/** People without a clone of this repository: empty homes, and an npm registry on this machine that has the packed packages. */
export class Outside {
  /** Everything lies in it. */
  readonly desk: string;
  readonly npm: Verdaccio;
  /** The packed packages by name, such as plinth-sdk. */
  readonly tarballs: ReadonlyMap<string, string>;
  /** A Plinth registry, for whoever has one. */
  plinthRegistry: string | undefined;
  readonly #cache: string;
  readonly #told: (typed: Typed) => void;

  private constructor(desk: string, npm: Verdaccio, tarballs: ReadonlyMap<string, string>, cache: string, told: (typed: Typed) => void) {
    this.desk = desk;
    this.npm = npm;
    this.tarballs = tarballs;
    this.#cache = cache;
    this.#told = told;
  }

  /**
   * @param upstream what the npm registry asks for what is not ours.
   * @param options.cache where npm keeps what it fetched; default: nothing is there yet.
   * @param options.told each line once it is done.
   */
  static async open(upstream: string, { cache, told = () => {} }: { cache?: string; told?(typed: Typed): void } = {}): Promise<Outside> {
    const desk = await realpath(await mkdtemp(join(tmpdir(), "plinth-outside-")));
    chmodSync(desk, 0o755);
    for (const who of PEOPLE) await mkdir(join(desk, who));
    const packing = run(process.execPath, [join(root, ".ci/packages.mjs"), join(desk, "packed")], root, cleanEnv());
    const npm = await Verdaccio.start(upstream);
    const packed = await packing;
    if (packed.code !== 0) throw new Error(packed.stderr);
    const tarballs = new Map<string, string>();
    for (const path of packed.stdout.trim().split("\n")) tarballs.set(path.replace(/^.*\/|-[\d.]+\.tgz$/g, ""), path);
    const outside = new Outside(desk, npm, tarballs, cache ?? join(desk, "npm-cache"), told);
    await writeFile(join(desk, ".npmrc"), `${npm.url.replace("http:", "")}:_authToken=${npm.token}\n`);
    for (const path of tarballs.values()) {
      const env = { ...outside.env("author"), npm_config_userconfig: join(desk, ".npmrc") };
      const published = await run("npm", ["publish", path, "--access", "public", "--loglevel", "error"], desk, env);
      if (published.code !== 0) throw new Error(published.stderr);
    }
    return outside;
  }

  /** Homes are empty again, and nothing is installed. */
  async leave(): Promise<void> {
    this.plinthRegistry = undefined;
    for (const name of [...PEOPLE, "prefix"]) await rm(join(this.desk, name), { recursive: true, force: true, maxRetries: 5 });
    for (const who of PEOPLE) await mkdir(this.home(who));
  }

  async close(): Promise<void> {
    await this.npm.stop();
    await rm(this.desk, { recursive: true, force: true, maxRetries: 5 });
  }

  home(who: Who): string {
    return join(this.desk, who);
  }

  env(who: Who): NodeJS.ProcessEnv {
    const env = cleanEnv({
      HOME: this.home(who),
      PLINTH_HOME: join(this.home(who), ".plinth"),
      PATH: [join(this.desk, "prefix/bin"), dirname(process.execPath), process.env.PATH].join(delimiter),
      npm_config_registry: this.npm.url,
      npm_config_prefix: join(this.desk, "prefix"),
      npm_config_cache: this.#cache,
      npm_config_audit: "false",
      npm_config_fund: "false",
      npm_config_update_notifier: "false",
      LANG: "C.UTF-8",
      COLUMNS: "100",
      NO_COLOR: "1",
      ...(this.plinthRegistry === undefined ? {} : { PLINTH_REGISTRY: this.plinthRegistry }),
    });
    delete env.FORCE_COLOR;
    return env;
  }

  /** Type a line into a shell, of which nothing but success is expected. @param cwd below the home of whoever types. @returns what it wrote. */
  async type(who: Who, line: string, cwd = "."): Promise<string> {
    return (await this.#type(who, line, cwd)).said;
  }

  async #type(who: Who, line: string, cwd: string): Promise<{ said: string; cwd: string }> {
    const began = performance.now();
    const home = this.home(who);
    // The shell says last where it went.
    const { code, stdout, stderr } = await run("sh", ["-c", `${line}\ncode=$?; pwd; exit $code`], join(home, cwd), this.env(who));
    const [, said = "", place = home] = /^([\s\S]*?)([^\n]*)\n$/.exec(stdout) ?? [];
    const ms = performance.now() - began;
    this.#told({ who, line, ms, said: `${stderr}${said}` });
    if (code !== 0) throw new Error(`${who} $ ${line}: ${code}\n${stdout}\n${stderr}`);
    return { said, cwd: place.slice(home.length + 1) || "." };
  }

  /**
   * Follow a part of a page for authors, from one heading to another: type what its consoles show, write the files that it shows.
   *
   * @param folder where files are written, below the author's home. @returns where the shell is in the end.
   */
  async follow(page: string, [from, to]: [string, string], cwd: string, folder = cwd): Promise<string> {
    const text = await readFile(join(root, "docs", page), "utf8");
    const part = text.slice(text.indexOf(`\n## ${from}\n`), text.indexOf(`\n## ${to}\n`));
    let at = cwd;
    for (const [, info = "", block = ""] of part.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)) {
      const file = /\[(.+)\]$/.exec(info)?.[1];
      if (file !== undefined) await writeFile(join(this.home("author"), folder, file), block);
      if (info !== "console") continue;
      for (const line of block.split("\n").filter((one) => one.startsWith("$ "))) at = (await this.#type("author", line.slice(2), at)).cwd;
    }
    return at;
  }
}

function run(program: string, words: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, words, { cwd, env, timeout: 240_000, maxBuffer: 32 * 1_048_576 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
}
