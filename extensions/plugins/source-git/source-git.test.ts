import { execFileSync } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import manager from "../manager/index.ts";
import managerManifest from "../manager/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { parseGitSpec } from "./spec.ts";

let lab: string;
let into: string;
let host: TestHost;
let commits: { first: string; second: string };
const repository = (): string => join(lab, "repository");
const git = (...args: string[]): string =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", ...args], {
    cwd: repository(),
    env: { PATH: process.env.PATH, HOME: lab, GIT_CONFIG_NOSYSTEM: "1" },
    encoding: "utf8",
  }).trim();

const manifestText = (version: string): string =>
  JSON.stringify({ id: "acme.weather", version, title: "Weather", description: "For tests.", engines: { plinth: "^0.1.0" }, entry: "./index.js" });

beforeAll(async () => {
  lab = await mkdtemp(join(tmpdir(), "plinth-git-"));
  await mkdir(join(repository(), "packages/weather"), { recursive: true });
  git("init", "--quiet", "--initial-branch=main");
  await writeFile(join(repository(), "packages/weather/plinth.json"), manifestText("1.0.0"));
  await writeFile(join(repository(), "packages/weather/index.js"), "export default {};");
  git("add", ".");
  git("commit", "--quiet", "-m", "first");
  git("tag", "v1.0.0");
  const first = git("rev-parse", "HEAD");
  await writeFile(join(repository(), "packages/weather/plinth.json"), manifestText("1.1.0"));
  await writeFile(join(repository(), ".gitattributes"), "* filter=evil\n");
  await mkdir(join(repository(), "linked"));
  await writeFile(join(repository(), "linked/plinth.json"), manifestText("2.0.0"));
  await symlink("/etc/passwd", join(repository(), "linked/index.js"));
  git("add", ".");
  git("commit", "--quiet", "-m", "second");
  commits = { first, second: git("rev-parse", "HEAD") };
  // What would run on the other side, if anything of a repository did.
  await writeFile(join(repository(), ".git/hooks/post-checkout"), `#!/bin/sh\ntouch ${lab}/hook-ran\n`);
  chmodSync(join(repository(), ".git/hooks/post-checkout"), 0o755);
});
afterAll(() => rm(lab, { recursive: true, force: true }));
beforeEach(async () => {
  into = await mkdtemp(join(lab, "into-"));
  host = await createTestHost({
    extensions: [
      { manifest: manifest as never, extension, env: { PATH: process.env.PATH as string } },
      { manifest: managerManifest as never, extension: manager },
    ],
    principal: { role: "owner", via: "test" },
  });
});
afterEach(() => host.close());

const fetchIt = (fragment: string) =>
  host
    .use("plinth.plugin-source")
    .get("git")
    .fetch({ spec: `file://${repository()}${fragment}`, cwd: "/", into });
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (thrown: { code?: string }) => thrown.code ?? String(thrown),
  );

describe("a repository", () => {
  it("gives one folder of one commit, which is recorded whatever was asked for", async () => {
    const found = await fetchIt("#v1.0.0:packages/weather");
    expect(found).toEqual({ source: `git:file://${repository()}#${commits.first}:packages/weather` });
    expect((await readdir(into)).sort()).toEqual(["index.js", "plinth.json"]);
    expect(JSON.parse(await readFile(join(into, "plinth.json"), "utf8")).version).toBe("1.0.0");
  });

  it("without a ref it is what the default branch holds, and a branch is taken by its name", async () => {
    expect((await fetchIt("#main:packages/weather")).source).toContain(`#${commits.second}:`);
    expect(existsSync(join(lab, "hook-ran"))).toBe(false);
  });

  it.each([
    ["a ref that is not there", "#v9", "PLINTH_GIT"],
    ["a folder that is not there", "#main:packages/none", "PLINTH_GIT"],
    ["a folder without a manifest", "#main:packages", "PLINTH_MANIFEST_MISSING"],
    ["a link instead of a file", "#main:linked", "PLINTH_ARCHIVE_LINK"],
  ])("refuses %s", async (_what, fragment, code) => {
    expect(await codeOf(fetchIt(fragment))).toBe(code);
    expect(await readdir(into)).toEqual([]);
  });

  it("of its own leads to no other protocol and no other folder", async () => {
    const link = join(lab, "elsewhere");
    await mkdir(link, { recursive: true });
    git("config", "uploadpack.packObjectsHook", `touch ${lab}/hook-ran;`);
    git("config", "url.ext::sh -c id.insteadOf", "file://");
    expect((await fetchIt("#main:packages/weather")).source).toContain(commits.second);
    expect(existsSync(join(lab, "hook-ran"))).toBe(false);
  });

  it("is fetched for owners only", async () => {
    expect(await codeOf(host.as({ role: "guest", via: "test" }, () => fetchIt("#main")))).toBe("PLINTH_NOT_OWNER");
  });
});

describe("a spec", () => {
  it("is an address with a ref and a folder", () => {
    expect(parseGitSpec("https://example.com/a/b.git#v1.2.0:packages/weather/")).toEqual({
      repository: "https://example.com/a/b.git",
      ref: "v1.2.0",
      folder: "packages/weather",
    });
    expect(parseGitSpec("ssh://git@example.com/a/b.git")).toMatchObject({ ref: "HEAD", folder: "" });
  });

  it.each([
    "ext::sh -c touch% /tmp/x",
    "EXT::sh -c id",
    "fd::17/x",
    "https::http://127.0.0.1/x",
    "git://example.com/x.git",
    "ftp://example.com/x.git",
    "HTTPS://example.com/x.git",
    " https://example.com/x.git",
    "https://exa\nmple.com/x.git",
    "https://exa\tmple.com/x.git",
    "https://example.com\\@127.0.0.1/x.git",
    "https:example.com/x.git",
    "https:/example.com/x.git",
    "ssh://%2DoProxyCommand=touch/x",
    "ssh://-oProxyCommand=touch@example.com/x",
    "ssh://%2DoProxyCommand=touch@example.com/x",
    "ssh://git@/x",
    "ssh://example.com/-x",
    "ssh://git@[-oProxyCommand=touch]/x",
    "file://host/x",
    "file:x",
    "file:/x",
    "https://example.com/x.git#-x",
    "https://example.com/x.git#%2Dx",
    "https://example.com/x.git#a b",
    "https://example.com/x.git#main:a/../../b",
    "https://example.com/x.git#main:/etc",
    "git@example.com:a/b.git",
    "--upload-pack=touch /tmp/x",
    "ssh://-oProxyCommand=touch/x",
    "https://user:password@example.com/x.git",
    "http://example.com/x.git",
    "https://example.com/x.git#--output=/tmp/x",
    "https://example.com/x.git#main..other",
    "https://example.com/x.git#main:../other",
    "https://example.com/x.git#main:-x",
    "/a/folder",
  ])("never becomes an option, a command or another protocol: %s", (text) => {
    expect(() => parseGitSpec(text)).toThrow(expect.objectContaining({ code: "PLINTH_SPEC" }));
  });
});

describe("in a network with a proxy", () => {
  const PASSWORD = "secret-word";
  /** What fetching an https:// repository says where the environment is so. */
  const failure = async (env: Record<string, string>): Promise<{ code: string; message: string }> => {
    const extensions = [{ manifest: manifest as never, extension, env: { PATH: process.env.PATH as string, ...env } }];
    await using other = await createTestHost({ extensions, principal: { role: "owner", via: "test" } });
    const attempt = other.use("plinth.plugin-source").get("git").fetch({ spec: "https://git.internal.test/a.git", cwd: "/", into });
    return (await attempt.catch((thrown: unknown) => thrown)) as { code: string; message: string };
  };

  it("git asks the proxy, with its user and password, and an error tells neither", async () => {
    const asked: unknown[] = [];
    const proxy = createServer().on("connect", ({ url, headers }, socket) => {
      asked.push([url, headers["proxy-authorization"]]);
      const status = headers["proxy-authorization"] === undefined ? "407 Who?\r\nproxy-authenticate: Basic" : "403 Forbidden";
      socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    const thrown = await failure({ HTTPS_PROXY: `http://ann:${PASSWORD}@127.0.0.1:${port}` });
    proxy.close();
    expect(asked.at(-1)).toEqual(["git.internal.test:443", `Basic ${btoa(`ann:${PASSWORD}`)}`]);
    expect(thrown).toMatchObject({ code: "PLINTH_GIT", message: expect.stringContaining("403") });
    expect(thrown.message).not.toContain(PASSWORD);
  });

  it("a proxy's address that cannot be used is told without its password", async () => {
    const { code, message } = await failure({ HTTPS_PROXY: `http://ann:${PASSWORD}@127.0.0.1:99999999` });
    expect(code).toBe("PLINTH_GIT");
    expect(message).not.toContain(PASSWORD);
  });
});
