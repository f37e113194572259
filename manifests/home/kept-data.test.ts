import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { partyOf } from "../party.ts";
import { type DataPlaces, keptFor, putAside, takeBack } from "./kept-data.ts";

let home: string;
let values: Map<string, Map<string, string>>;
let places: DataPlaces;
const ID = "acme.notes";
const [OURS, THEIRS] = ["key 1111111111111111", "key 2222222222222222"];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "plinth-kept-"));
  values = new Map();
  const space = (name: unknown) => {
    const found = values.get(String(name)) ?? new Map<string, string>();
    return values.set(String(name), found).get(String(name))!;
  };
  places = {
    home,
    stores: {
      async ask(method, input) {
        const own = space(input.space);
        const key = String(input.key);
        if (method === "get") return own.get(key) ?? null;
        if (method === "set") return own.set(key, String(input.value)) !== undefined;
        if (method === "delete") return own.delete(key);
        if (method === "clear") return own.clear();
        return [...own.keys()].slice(0, 10);
      },
    },
  };
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function store(text: string): Promise<void> {
  await mkdir(join(home, "state", ID), { recursive: true });
  await writeFile(join(home, "state", ID, "file"), text);
  for (let at = 0; at < 25; at++) await places.stores.ask("set", { space: ID, key: `k${at}`, value: JSON.stringify({ value: text }) });
}

async function stored(): Promise<{ file: string | undefined; keys: number; value: string | undefined }> {
  const own = values.get(ID) ?? new Map<string, string>();
  const file = await readFile(join(home, "state", ID, "file"), "utf8").catch(() => undefined);
  return { file, keys: own.size, value: own.get("k24") };
}

const NOTHING = { file: undefined, keys: 0, value: undefined };

describe("what was kept", () => {
  it("goes back to its party, and to nobody else who brings the same id", async () => {
    await store("ours");
    await putAside(places, ID, OURS);
    expect(await stored()).toEqual(NOTHING);
    await takeBack(places, ID, THEIRS);
    expect(await stored()).toEqual(NOTHING);
    expect(keptFor(home, ID)).toEqual([OURS]);
    await store("theirs");
    await putAside(places, ID, THEIRS);
    await takeBack(places, ID, OURS);
    expect(await stored()).toEqual({ file: "ours", keys: 25, value: JSON.stringify({ value: "ours" }) });
    expect(keptFor(home, ID)).toEqual([THEIRS]);
  });

  it("belongs to nobody where nobody wrote down whose it is", async () => {
    await store("of somebody");
    await takeBack(places, ID, OURS);
    expect(await stored()).toEqual(NOTHING);
    expect(keptFor(home, ID)).toEqual(["unknown"]);
    await takeBack(places, ID, "unknown");
    expect(await stored()).toEqual(NOTHING);
  });

  it("is never written over", async () => {
    for (const text of ["one", "two"]) {
      await store(text);
      await putAside(places, ID, OURS);
    }
    expect(keptFor(home, ID)).toEqual([OURS, OURS]);
    await takeBack(places, ID, OURS);
    expect((await stored()).file).toBe("one");
  });

  it("is not there where nothing was stored, and is told of no id that is a path", async () => {
    await mkdir(join(home, "state", ID), { recursive: true });
    await putAside(places, ID, OURS);
    expect(await readdir(home, { recursive: true })).toEqual(["state"]);
    expect(keptFor(home, ID)).toEqual([]);
  });
});

describe("a party", () => {
  const signature = { keyId: "1111111111111111", signature: "x" };
  it.each([
    ["is a key, whatever the version or the registry's name", { source: "registry:a.b@2.0.0", registry: "other", signature }, "key 1111111111111111"],
    ["is no key that no registry vouches for", { source: "market:a.b", signature }, "market:a.b"],
    ["of npm is a package, whatever its version", { source: "npm:@acme/x@1.0.0" }, "npm:@acme/x"],
    ["of npm may have no version", { source: "npm:@acme/x" }, "npm:@acme/x"],
    [
      "of git is a folder of a repository, whatever the commit",
      { source: "git:https://x.example/r.git#abc:sub" },
      "git:https://x.example/r.git#:sub",
    ],
    ["on this machine is a folder, linked or not", { source: "link:/srv/x" }, "folder:/srv/x"],
  ])("%s", (_what, lock, party) => {
    expect(partyOf(lock)).toBe(party);
  });
});
