import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { admin, codeOf, GUEST, Product, snapshot } from "./product.ts";
import type { Source } from "./sources.ts";

const open: Product[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.dispose();
});
async function product(): Promise<Product> {
  const one = await Product.create();
  open.push(one);
  return one;
}

const code = "export default defineExtension({ activate() {} });";
const geo: Source = { manifest: { id: "acme.geo", defines: [contract()] }, code };
const map: Source = {
  manifest: { id: "acme.map", extensions: { "acme.geo": "^1" }, uses: [{ contract: "acme.geo.points", range: "^1" }] },
  code,
};
function contract() {
  return {
    id: "acme.geo.points",
    version: "1.0.0",
    title: "Points",
    cardinality: "many",
    selection: "by-id",
    descriptor: {},
    methods: {},
  } as never;
}

async function inputsOf(host: Awaited<ReturnType<Product["boot"]>>, dirs: string[]) {
  const { candidates } = await admin(host, "inspectSet", { dirs });
  return candidates.map(({ digest, consent }: { digest: string; consent: { hash: string } }, at: number) => {
    return {
      dir: dirs[at],
      digest,
      consent: consent.hash,
      source: `folder:${dirs[at]}`,
      pinnedBy: at === 0 ? "operator" : "resolver",
      reason: "a test",
    };
  });
}

describe("a set of packages", () => {
  it("is checked as one and installed in one generation", async () => {
    const home = await product();
    const host = await home.boot();
    const dirs = [await home.package(map), await home.package(geo)];
    expect(await codeOf(admin(host, "inspect", { dir: dirs[0] }))).not.toBe("none");
    const before = host.current.number;
    const result = await admin(host, "installSet", { packages: await inputsOf(host, dirs) });
    expect(result).toEqual({
      installed: [
        { id: "acme.map", version: "1.0.0" },
        { id: "acme.geo", version: "1.0.0" },
      ],
      generation: before + 1,
    });
    const { lock, blocked } = await snapshot(host);
    expect(Object.keys(lock.extensions).sort()).toEqual(["acme.geo", "acme.map"]);
    expect([...blocked.keys()]).toEqual([]);
  });

  it("is installed as a whole or not at all", async () => {
    const home = await product();
    const host = await home.boot();
    const broken: Source = { ...geo, code: "export default defineExtension({ activate() { throw new Error('no'); } });" };
    const dirs = [await home.package(map), await home.package(broken)];
    const files = await home.readHome("plinth.lock").catch(() => "none");
    const before = host.current.number;
    expect(await codeOf(admin(host, "installSet", { packages: await inputsOf(host, dirs) }))).not.toBe("none");
    expect(host.current.number).toBe(before);
    expect(await home.readHome("plinth.lock").catch(() => "none")).toBe(files);
    expect(await readdir(join(home.home, "store")).catch(() => [])).toEqual([]);
    expect([...(await snapshot(host)).grants.keys()]).toEqual([]);
  });

  it("refuses a changed byte of any of them, the same id twice, and everybody but the owner", async () => {
    const home = await product();
    const host = await home.boot();
    const dirs = [await home.package(map), await home.package(geo)];
    const packages = await inputsOf(host, dirs);
    const [first, second] = packages;
    const changed = [first, { ...second, digest: "0".repeat(128) }];
    expect(await codeOf(admin(host, "installSet", { packages: changed }))).toBe("PLINTH_DIGEST");
    expect(await codeOf(admin(host, "installSet", { packages: [first, { ...second, consent: first.consent }] }))).toBe("PLINTH_CONSENT_NEEDED");
    expect(await codeOf(admin(host, "inspectSet", { dirs: [dirs[1], await home.package(geo)] }))).toBe("PLINTH_CAPABILITY_CONFLICT");
    expect(await codeOf(admin(host, "installSet", { packages }, GUEST))).toBe("PLINTH_PERMISSION");
    expect(await readdir(join(home.home, "store")).catch(() => [])).toEqual([]);
  });
});
