import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "@plinth/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkContracts } from "./check-contracts.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "plinth-contracts-"));
  await mkdir(join(dir, "contracts"));
  const voice = { title: "Voice", cardinality: "many", selection: "by-id", descriptor: { type: "object" } };
  const speak = { speak: { input: {}, output: {}, deadlineMs: 1000 } };
  const defines = [{ ...voice, id: "acme.voices.voice", version: "1.2.0", methods: speak }];
  await writeFile(join(dir, "contracts/acme.voices.json"), JSON.stringify({ ...about("acme.voices"), defines }));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const about = (id: string) => ({ id, version: "1.0.0", title: "A", description: "", engines: { plinth: "*" } });
const provides = (version: string, contract = "acme.voices.voice") => [{ contract, version, id: "loud", descriptor: {} }];
const told = async (more: Partial<Manifest>) => {
  const [row] = await checkContracts(dir, { ...about("acme.loud"), entry: "./index.js", extensions: { "acme.voices": "^1" }, ...more });
  return row === undefined ? undefined : { status: row.status, notes: row.notes ?? [], next: row.next };
};

describe("the contracts of a project", () => {
  it("fit where they are named in a version that there is; an extension without any has nothing to tell", async () => {
    expect(await told({ provides: provides("1.0.0"), uses: [{ contract: "acme.voices.voice", range: "^1" }] })).toMatchObject({ status: "ok" });
    await rm(join(dir, "contracts"), { recursive: true });
    expect(await told({ extensions: {} })).toBeUndefined();
  });

  it.each<[string, Partial<Manifest>, string, string | undefined]>([
    ["a later version than there is", { provides: provides("1.3.0") }, "provides acme.voices.voice 1.3.0, but 1.2.0 is here", "plinth.json"],
    ["another major", { uses: [{ contract: "acme.voices.voice", range: "^2" }] }, "uses acme.voices.voice ^2, but 1.2.0 is here", "plinth.json"],
    ["another major of the product's", { provides: provides("3.0.0", "plinth.tool") }, "provides plinth.tool 3.0.0, but", "plinth.json"],
    ["one that nobody knows", { provides: provides("1.0.0", "acme.ears.ear") }, "what acme.ears.ear is", "plinth contract add acme.ears"],
    [
      "one whose definer would not come along",
      { provides: provides("1.0.0"), extensions: {} },
      "does not stand under `extensions`",
      "contract add acme.voices",
    ],
    ["methods and no code", { provides: provides("1.0.0"), entry: undefined }, "nobody answers without code", '"entry": "./index.js"'],
  ])("do not fit: %s", async (_, more, note, next) => {
    const row = await told(more);
    expect(row?.status).toBe("failed");
    expect(row?.notes.join("\n")).toContain(note);
    expect(row?.next).toContain(next);
  });
});
