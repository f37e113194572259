import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest, PackageVersion } from "@plinth/manifests";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RegistryClient } from "../client.ts";
import { packFiles } from "../pack.ts";
import { memoryPins } from "../test-package.ts";
import { extractArchive, scanFolder } from "./archives.ts";
import { withProgress } from "./progress.ts";
import { solveSet } from "./set-room.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "plinth-strangers-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

type Facts = Partial<Pick<Manifest, "extensions" | "uses">>;
const entryOf = (id: string, version: string, facts: Facts = {}): PackageVersion => ({
  version,
  tarball: `packages/${id}-${version}.tgz`,
  integrity: "sha512-none",
  size: 1,
  manifest: { id, version, title: id, description: "", engines: { plinth: "*" }, ...facts },
  publishedAt: "2026-01-01T00:00:00.000Z",
  signature: { keyId: "none", signature: "none" },
});
const entriesOf = (id: string, count: number, facts: (at: number) => Facts = () => ({})): PackageVersion[] =>
  Array.from({ length: count }, (_, at) => entryOf(id, `1.${at}.0`, facts(at)));

async function write(id: string, versions: PackageVersion[]): Promise<Buffer> {
  const [publisher, name] = id.split(".") as [string, string];
  const text = Buffer.from(JSON.stringify({ id, versions, tags: {} }));
  await mkdir(join(dir, "packages", publisher), { recursive: true });
  await writeFile(join(dir, "packages", publisher, `${name}.json`), text);
  return text;
}
const open = (): RegistryClient => new RegistryClient({ name: "sample", url: dir, pins: memoryPins() });

/** What something comes to, and how often this thread had a turn meanwhile. */
async function turnsDuring<T>(work: () => Promise<T>): Promise<{ result: T; turns: number }> {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const result = await work().finally(() => {
    isOver = true;
  });
  return { result, turns };
}
/** So many turns are had by whoever waits for somebody else's work; whoever does it on this thread has one or two. */
const MANY = 40;

const question = (...wanted: string[]) => ({ host: "1.0.0", fixed: [], preferred: [], wanted: wanted.map((id) => ({ id, range: "*", by: "you" })) });
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (thrown: { code?: string; message?: string }) => thrown.code ?? String(thrown.message),
  );

describe("this thread goes on while strangers' data is looked at:", () => {
  it("an index of 15,000 versions arrives whole and in order", async () => {
    await write("acme.many", entriesOf("acme.many", 15_000).reverse());
    const { result, turns } = await turnsDuring(() => open().versions("acme.many"));
    expect(result).toHaveLength(15_000);
    expect([result[0]?.version, result.at(-1)?.version]).toEqual(["1.0.0", "1.14999.0"]);
    expect(turns).toBeGreaterThan(MANY);
    const again = await turnsDuring(() => open().resolve("acme.many", "<1.9000.0"));
    expect(again.result.version).toBe("1.8999.0");
    expect(again.turns).toBeGreaterThan(MANY);
  });

  it("an index with one wrong version among 15,000 is refused, and says where", async () => {
    const versions = entriesOf("acme.many", 15_000);
    Object.assign(versions[7_000] as object, { surprise: true });
    await write("acme.many", versions);
    const { result, turns } = await turnsDuring(() =>
      open()
        .versions("acme.many")
        .catch((thrown: Error) => thrown.message),
    );
    expect(result).toContain("packages/acme/many.json of the registry sample was refused: versions[7000].surprise is not a known key");
    expect(turns).toBeGreaterThan(MANY);
  });

  it.each<[string, Record<string, PackageVersion[]>, string]>([
    [
      "two packages of 1,200 versions that never fit",
      {
        "acme.a": entriesOf("acme.a", 1_200, () => ({ extensions: { "acme.b": "*" } })),
        "acme.b": entriesOf("acme.b", 1_200, (at) => ({ extensions: { "acme.a": `0.0.${at}` } })),
      },
      "PLINTH_VERSION_CONFLICT",
    ],
    [
      "one package of 3,000 versions, each with its own needs",
      { "acme.a": entriesOf("acme.a", 3_000, (at) => ({ extensions: { "acme.none": `^${at}` }, uses: [{ contract: "x.y.z", range: `^${at}` }] })) },
      "PLINTH_",
    ],
    ["15,000 versions, of which the newest is good", { "acme.a": entriesOf("acme.a", 15_000) }, "1.14999.0"],
  ])("a choice among %s", async (_what, world, expected) => {
    const indexes = new Map(Object.entries(world).map(([id, versions]) => [id, Buffer.from(JSON.stringify({ id, versions, tags: {} }))]));
    const offerOf = async (id: string) => {
      const index = indexes.get(id);
      return index === undefined ? null : { index, refused: [] };
    };
    const { result, turns } = await turnsDuring(() =>
      solveSet(question("acme.a"), offerOf, { isHere: () => false }).then(
        ([chosen]) => chosen?.version ?? "nothing",
        (thrown: { code: string }) => thrown.code,
      ),
    );
    expect(result).toContain(expected);
    expect(turns).toBeGreaterThan(MANY);
  });

  it("a search in a list of 100,000 packages", async () => {
    const packages = Array.from({ length: 100_000 }, (_, at) => ({
      id: `acme.p${at}`,
      version: "1.0.0",
      title: `Package ${at}`,
      description: "One of many.",
    }));
    await writeFile(
      join(dir, "search.json"),
      JSON.stringify({ packages: [...packages, { id: "../../x", version: "none", title: "99999", description: "" }] }),
    );
    const { result, turns } = await turnsDuring(() => open().search("p99999"));
    expect(result.map(({ id }) => id)).toEqual(["acme.p99999"]);
    expect(turns).toBeGreaterThan(MANY);
  });

  it("an archive of 2,000 files, and one whose files lie deep", async () => {
    const files = (depth: number, count: number): [string, string][] =>
      Array.from({ length: count }, (_, at) => [`${Array.from({ length: depth }, (__, level) => `d${at % 10}-${level}`).join("/")}/f${at}`, "x"]);
    await mkdir(join(dir, "wide"));
    const { result, turns } = await turnsDuring(async () => extractArchive(await packFiles(files(1, 1_900)), join(dir, "wide")));
    expect(result.files).toHaveLength(1_900);
    expect(turns).toBeGreaterThan(MANY);
    await mkdir(join(dir, "deep"));
    expect(await codeOf(extractArchive(await packFiles(files(24, 300)).catch(() => Buffer.from("none")), join(dir, "deep")))).toMatch(
      /^(none|PLINTH_ARCHIVE_)/,
    );
  });

  it("code of megabytes", async () => {
    await writeFile(join(dir, "index.js"), `export default {};\n${"globalThis.a = [1, 2, 3, () => import('node:fs')];\n".repeat(20_000)}`);
    const { result, turns } = await turnsDuring(() => scanFolder(dir, entryOf("acme.x", "1.0.0").manifest));
    expect(result.some(({ level }) => level === "danger")).toBe(true);
    expect(turns).toBeGreaterThan(MANY);
  });
});

describe("whoever does not want to wait any more", () => {
  const ended = (): AbortSignal => {
    const ends = new AbortController();
    setTimeout(() => ends.abort(Object.assign(new Error("enough"), { code: "ENOUGH" })), 30);
    return ends.signal;
  };

  it("leaves an index, and the next one is read", async () => {
    await write("acme.many", entriesOf("acme.many", 15_000));
    await write("acme.one", entriesOf("acme.one", 1));
    const client = open();
    expect(await codeOf(client.versions("acme.many", { signal: ended() }))).toBe("ENOUGH");
    expect(await client.versions("acme.one")).toHaveLength(1);
    expect(await client.versions("acme.many")).toHaveLength(15_000);
  });

  it("leaves a choice", async () => {
    const index = Buffer.from(JSON.stringify({ id: "acme.a", versions: entriesOf("acme.a", 15_000), tags: {} }));
    const offer = async () => ({ index, refused: [] });
    expect(await codeOf(solveSet(question("acme.a"), offer, { isHere: () => false, signal: ended() }))).toBe("ENOUGH");
  });

  it("leaves an archive, and the folder is empty", async () => {
    const into = join(dir, "into");
    await mkdir(into);
    const large = await packFiles(Array.from({ length: 1_500 }, (_, at): [string, Buffer] => [`f${at}`, Buffer.alloc(16_384, at)]));
    expect(await codeOf(extractArchive(large, into, { signal: ended() }))).toBe("ENOUGH");
    expect(await readdir(into)).toEqual([]);
  });
});

it("what is told on the way names whose data it is", async () => {
  const told: string[] = [];
  const versions = entriesOf("acme.a", 2_000, () => ({ extensions: { "acme.b": "*" } }));
  const index = Buffer.from(JSON.stringify({ id: "acme.a", versions, tags: {} }));
  const offerOf = async (id: string) => ({ index: Buffer.from(String(index).replaceAll("acme.a", id)), refused: [] });
  // The clock of what is told is turned by hand: how long the work takes here proves nothing.
  vi.useFakeTimers({ toFake: ["setInterval"] });
  try {
    const over = withProgress(
      (line) => told.push(line),
      () => solveSet(question("acme.a"), offerOf, { isHere: () => false }),
    ).catch(() => {});
    let working = true;
    void over.then(() => {
      working = false;
    });
    while (working) {
      vi.advanceTimersByTime(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    vi.useRealTimers();
  }
  expect(told[0]).toMatch(/acme\.a.*is being looked at: \d+ s …$/);
});

it("a set that leads to hundreds of others is refused instead of asked for", async () => {
  let asked = 0;
  const offerOf = async (id: string) => {
    asked++;
    const next = `acme.n${Number(id.slice("acme.n".length)) + 1}`;
    return { index: Buffer.from(JSON.stringify({ id, versions: [entryOf(id, "1.0.0", { extensions: { [next]: "*" } })], tags: {} })), refused: [] };
  };
  await expect(solveSet(question("acme.n0"), offerOf, { isHere: (id) => id === "acme.n0" })).rejects.toMatchObject({
    code: "PLINTH_VERSION_CONFLICT",
    message: expect.stringMatching(/acme\.n0 would bring along leads to more than 500 others/),
  });
  expect(asked).toBeLessThanOrEqual(501);
});
