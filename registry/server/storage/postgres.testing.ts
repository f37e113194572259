/** A Postgres of the tests' own: a fresh cluster in a folder, reached by a socket in it, as a user who is not root. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";

export const PASSWORD = "correct-horse";

export interface TestPostgres {
  /** An empty database's address. */
  database(): Promise<string>;
  stop(): Promise<void>;
}

/** undefined: there is none on this machine. */
export const postgresPrograms: string | undefined = programs();

export async function startPostgres(bin: string): Promise<TestPostgres> {
  const base = mkdtempSync(join(tmpdir(), "plinth-pg-"));
  const owner = unprivileged();
  const password = join(base, "password");
  writeFileSync(password, PASSWORD);
  if (owner.uid !== undefined) for (const path of [base, password]) chownSync(path, owner.uid, owner.gid!);
  const data = join(base, "data");
  const options = { ...owner, cwd: base, env: { ...process.env, HOME: base, LC_ALL: "C" } };
  const init = ["-D", data, "-U", "plinth", "--auth=scram-sha-256", `--pwfile=${password}`, "--encoding=UTF8", "--no-locale", "--no-sync"];
  execFileSync(join(bin, "initdb"), init, { ...options, stdio: "pipe" });
  const settings = ["listen_addresses=", "fsync=off", "shared_buffers=16MB", "max_connections=40", "autovacuum=off"].flatMap((one) => ["-c", one]);
  const server = spawn(join(bin, "postgres"), ["-D", data, "-k", base, ...settings], { ...options, stdio: ["ignore", "ignore", "pipe"] });
  const killed = () => server.kill("SIGQUIT");
  process.once("exit", killed);
  await ready(server);
  const address = (name: string) => `postgres://plinth:${PASSWORD}@/${name}?host=${base}`;
  let count = 0;
  return {
    async database() {
      const client = new pg.Client(address("postgres"));
      await client.connect();
      const name = `registry_${++count}`;
      await client.query(`create database ${name}`);
      await client.end();
      return address(name);
    },
    async stop() {
      process.off("exit", killed);
      const gone = once(server, "exit");
      server.kill("SIGINT");
      await gone;
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** It refuses to run as root; whoever else runs the tests may run it. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const number = (option: string) => Number(execFileSync("id", [option, "nobody"], { encoding: "utf8" }));
  return { uid: number("-u"), gid: number("-g") };
}

function ready(server: ChildProcess): Promise<void> {
  let text = "";
  return new Promise((resolve, reject) => {
    server.stderr!.on("data", (data) => {
      text += data;
      if (text.includes("ready to accept connections")) resolve();
    });
    server.once("exit", () => reject(new Error(text)));
  });
}

function programs(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...versions.map((version) => join(debian, version, "bin"))];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}
