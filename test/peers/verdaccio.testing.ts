import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = join(import.meta.dirname, "node_modules/verdaccio/bin/verdaccio");
export const hasVerdaccio = existsSync(program);
if (!hasVerdaccio) console.warn("skipped: what needs the npm registry verdaccio (run `npm ci` in test/peers first)");

/** A real npm registry on loopback, empty, that anybody may publish to after signing up. It asks `uplink` for what is not ours. */
export class Verdaccio {
  readonly url: string;
  readonly #dir: string;
  readonly #child: ChildProcess;
  /** Of somebody who may publish. */
  readonly token: string;

  private constructor(url: string, dir: string, child: ChildProcess, token: string) {
    this.url = url;
    this.#dir = dir;
    this.#child = child;
    this.token = token;
  }

  static async start(uplink?: string): Promise<Verdaccio> {
    const dir = await mkdtemp(join(tmpdir(), "plinth-verdaccio-"));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    await writeFile(
      join(dir, "config.yaml"),
      `storage: ./storage
auth: { htpasswd: { file: ./htpasswd, max_users: 10 } }
uplinks: ${uplink === undefined ? "{}" : `{ npm: { url: ${JSON.stringify(uplink)}, timeout: 60s, maxage: 60m } }`}
packages:
  ${["'plinth'", "'@plinth/*'"].map((name) => `${name}: { access: $all, publish: $authenticated }`).join("\n  ")}
  '**': { access: $all, publish: $authenticated, unpublish: $authenticated${uplink === undefined ? "" : ", proxy: npm"} }
max_body_size: 50mb
log: { type: stdout, format: pretty, level: error }
`,
    );
    const child = spawn(process.execPath, [program, "--config", join(dir, "config.yaml"), "--listen", `127.0.0.1:${port}`], {
      cwd: dir,
      // What this machine needs to reach the uplink.
      env: {
        PATH: process.env.PATH ?? "",
        HOME: dir,
        ...Object.fromEntries(Object.entries(process.env).filter(([name]) => /_proxy$|^NODE_EXTRA_CA_CERTS$/i.test(name))),
      },
      stdio: "ignore",
    });
    for (let tries = 0; !(await answers(url)); tries++) {
      if (tries > 300 || child.exitCode !== null) throw new Error("verdaccio did not start");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const user = { name: "tester", password: "tester-password-1", email: "t@example.com", type: "user", roles: [], date: new Date().toISOString() };
    const signedUp = await send(`${url}-/user/org.couchdb.user:tester`, "PUT", user);
    return new Verdaccio(url, dir, child, ((await signedUp.json()) as { token: string }).token);
  }

  /** Publish a tarball as npm does. `integrity` may lie. */
  async publish(name: string, version: string, tarball: Buffer, integrity: string, more: object = {}): Promise<void> {
    const file = `${name.split("/").at(-1)}-${version}.tgz`;
    const manifest = { name, version, ...more, dist: { integrity, tarball: `${this.url}${name}/-/${file}` } };
    const body = {
      _id: name,
      name,
      "dist-tags": { latest: version },
      versions: { [version]: manifest },
      _attachments: { [file]: { content_type: "application/octet-stream", data: tarball.toString("base64"), length: tarball.length } },
    };
    const answer = await send(`${this.url}${name.replace("/", "%2f")}`, "PUT", body, this.token);
    if (!answer.ok) throw new Error(`verdaccio refused ${name}@${version}: ${answer.status} ${await answer.text()}`);
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

const send = (url: string, method: string, body: unknown, token?: string): Promise<Response> =>
  fetch(url, {
    method,
    headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}-/ping`).then(
    ({ ok }) => ok,
    () => false,
  );

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
