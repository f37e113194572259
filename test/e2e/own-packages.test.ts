import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assembleRegistry, generateKey, keyFromSeed, packFiles, readArchive } from "@plinth/registry";
import { afterEach, expect, it } from "vitest";
import { treeDigest } from "../../manifests/digest.ts";
import { cleanUp, newHome, type Outcome, plinth, root } from "./lab.ts";

afterEach(cleanUp);

const ID = "plinth.source-git";
const BLOB = "blobs/plinth/source-git/source-git-1.0.0.tgz";
const CODE = "export default { plinth: 1, start: async () => ({ stop() {} }) };\n";

const manifestOf = (id: string, more: object = {}): string =>
  JSON.stringify({ id, version: "9.0.0", title: id, description: "For a test.", engines: { plinth: "^0.1.0" }, entry: "./index.js", ...more });
const tarballOf = (id: string, more: object = {}): Promise<Buffer> =>
  packFiles(Object.entries({ "plinth.json": manifestOf(id, more), "index.js": CODE }));

/** A home that knows no registry: whatever is installed in it comes from this disk. */
async function homeWithout(registries: object[] = []): Promise<string> {
  const home = await newHome();
  await writeFile(join(home, "plinth.json"), JSON.stringify({ extensions: { "plinth.plugins": { config: { registries } } } }));
  return home;
}
const refused = ({ code, stderr }: Outcome): string => (code === 0 ? "nothing was refused" : (/PLINTH_[A-Z_]+/.exec(stderr)?.[0] ?? stderr));
const worked = ({ code, stdout, stderr }: Outcome): string => (code === 0 ? stdout : `${stdout}${stderr}`);

it("a package of the product is installed from its own disk, does its work, goes and comes back", async () => {
  const home = await homeWithout();
  const dir = join(home, "made");
  await mkdir(dir);
  await writeFile(join(dir, "plinth.json"), manifestOf("acme.made"));
  await writeFile(join(dir, "index.js"), CODE);
  const git = (...words: string[]) => execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...words], { cwd: dir });
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("-c", "commit.gpgsign=false", "commit", "--quiet", "-m", "first");
  const fetched = () => plinth(home, ["plugins", "install", `git:file://${dir}#main`, "--yes"]);

  const without = await fetched();
  expect(refused(without)).toBe("PLINTH_SPEC");
  expect(without.stderr).toContain(`plinth plugins install ${ID}`);
  expect(worked(await plinth(home, ["plugins", "list"]))).toMatch(/^plinth\.source-git +1\.0\.0 +not installed +built-in/m);
  expect(worked(await plinth(home, ["plugins", "inspect", ID]))).toContain("built in, not installed");

  expect(worked(await plinth(home, ["plugins", "install", ID, "--yes"]))).toContain("comes with the product");
  const { status } = JSON.parse((await plinth(home, ["plugins", "inspect", ID, "--json"])).stdout);
  expect(status).toMatchObject({ own: true, bundled: false, tier: "host", state: "ready" });
  expect(worked(await fetched())).toContain("acme.made");

  expect(worked(await plinth(home, ["plugins", "uninstall", ID, "--yes"]))).toContain("uninstalled");
  expect(refused(await fetched())).toBe("PLINTH_SPEC");
  expect(worked(await plinth(home, ["plugins", "install", ID, "--yes"]))).toContain("installed and ready");
}, 120_000);

it("other bytes of it are refused, whoever signed them, until the product itself names them: then an update brings them", async () => {
  const home = await homeWithout();
  expect(worked(await plinth(home, ["plugins", "install", ID, "--yes"]))).toContain("installed and ready");
  const dist = join(await newHome(), "dist");
  await cp(join(root, "dist"), dist, { recursive: true });
  const other = (...args: string[]) => plinth(home, args, { PLINTH_DIST: dist });
  const fresh = await homeWithout();
  const install = () => plinth(fresh, ["plugins", "install", ID, "--yes"], { PLINTH_DIST: dist });

  const blob = join(dist, "built-in", BLOB);
  const bytes = await readFile(blob);
  bytes[bytes.length - 20]! ^= 1;
  await writeFile(blob, bytes);
  expect(refused(await install())).toBe("PLINTH_INTEGRITY");

  // The key of that registry can be made by everybody: it vouches for nothing.
  const files = new Map<string, Buffer | string>(await readArchive(await readFile(join(root, "dist/built-in", BLOB))));
  files.set("README.md", "Of another build.\n");
  const key = keyFromSeed("plinth", createHash("sha256").update("plinth's own packages").digest());
  await rm(join(dist, "built-in"), { recursive: true });
  const manifest = JSON.parse(String(files.get("plinth.json")));
  await assembleRegistry([{ manifest, tarball: await packFiles(files) }], join(dist, "built-in"), key, { name: "built-in" });
  expect(refused(await install())).toBe("PLINTH_PRODUCT_DIFFERS");

  const unpacked = join(dist, "unpacked");
  for (const [name, content] of files) {
    await mkdir(join(unpacked, name, ".."), { recursive: true });
    await writeFile(join(unpacked, name), content);
  }
  const { digest } = await treeDigest(ID, unpacked);
  const product = JSON.parse(await readFile(join(dist, "product.json"), "utf8"));
  await writeFile(join(dist, "product.json"), JSON.stringify({ ...product, packages: { [ID]: digest } }));
  const stale = JSON.parse((await other("plugins", "inspect", ID, "--json")).stdout);
  expect(stale.status).toMatchObject({ state: "blocked", fault: { code: "PLINTH_PRODUCT_DIFFERS" } });
  expect(worked(await other("plugins", "update"))).toContain(ID);
  const updated = JSON.parse((await other("plugins", "inspect", ID, "--json")).stdout);
  expect(updated).toMatchObject({ status: { own: true, state: "ready", tier: "host" }, lock: { digest } });
}, 120_000);

it("a stranger's registry delivers nothing under the product's name, and nothing into the host's own process", async () => {
  const market = join(await newHome(), "market");
  const packed = await Promise.all(["plinth.evil", ID].map(async (id) => ({ manifest: JSON.parse(manifestOf(id)), tarball: await tarballOf(id) })));
  await assembleRegistry(packed, market, generateKey("plinth"));
  const home = await homeWithout([{ name: "built-in", url: market, anyAge: true }]);
  const install = (spec: string) => plinth(home, ["plugins", "install", spec, "--yes"]);
  expect(refused(await install("plinth.evil"))).toBe("PLINTH_PACKAGE_UNKNOWN");
  expect(worked(await plinth(home, ["plugins", "search", "source-git"]))).not.toContain("9.0.0");
  const archive = join(home, "evil.tgz");
  await writeFile(archive, await tarballOf("plinth.evil"));
  expect(refused(await install(archive))).toBe("PLINTH_RESERVED");
  await writeFile(archive, await tarballOf("acme.evil", { tiers: ["host"] }));
  expect(refused(await install(archive))).toBe("PLINTH_TIER");
}, 120_000);
