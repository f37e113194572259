import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readArchive } from "../../registry/archive.ts";
import { packExtension } from "../../registry/pack-extension.ts";
import { TestGuest } from "../../sdk/guest/isolate/guest.testing.ts";

const here = import.meta.dirname;
const there = existsSync(join(here, "node_modules/zod"));
if (!there) console.warn("skipped: libraries from npm (run `npm ci` in test/libraries first)");
const { dependencies } = JSON.parse(readFileSync(join(here, "package.json"), "utf8")) as { dependencies: Record<string, string> };
/** Installed to be refused. */
const REFUSED = "rss-parser";
/** The product has it already; react comes with react-dom. */
const names = [...Object.keys(dependencies), "openai"].filter((name) => name !== REFUSED && name !== "react").sort();

describe.skipIf(!there)("libraries from npm, bundled for an isolate", () => {
  let guest: TestGuest;
  beforeAll(async () => {
    const { tarball } = await packExtension(join(here, "extension"));
    guest = await TestGuest.start({}, (await readArchive(tarball)).get("index.js")!.toString());
  });
  afterAll(() => guest?.stop());

  it.each(names)("%s gives what it gives elsewhere", async (name) => {
    const [result, expected] = (await guest.run(name)) as [unknown, unknown];
    expect(result).toEqual(expected);
  });

  it("names what a library wants that is not there, and what to take instead", async () => {
    const dir = await mkdtemp(join(tmpdir(), "plinth-refused-"));
    try {
      await symlink(join(here, "node_modules"), join(dir, "node_modules"));
      await mkdir(join(dir, "ext"));
      const manifest = JSON.parse(readFileSync(join(here, "extension/plinth.json"), "utf8"));
      await writeFile(join(dir, "ext/index.js"), `import Parser from "${REFUSED}"; export default { Parser };`);
      const packed = async (tiers: string[]) => {
        await writeFile(join(dir, "ext/plinth.json"), JSON.stringify({ ...manifest, tiers }));
        return packExtension(join(dir, "ext"));
      };
      await expect(packed(["isolate", "process"])).rejects.toMatchObject({
        code: "PLINTH_PACK_BUILTIN",
        message: expect.stringMatching(/ http, https[^(]* \(imported by index\.js > rss-parser\)/),
        next: expect.stringContaining("fast-xml-parser"),
      });
      const code = (await readArchive((await packed(["process"])).tarball)).get("index.js")!.toString();
      expect(code).toMatch(/^import __node0 from "events";/m);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

it("the page names each of them, and no other", () => {
  const page = readFileSync(join(here, "../../docs/guest-api.md"), "utf8");
  const listed = /<!-- libraries[^>]*-->([\s\S]*?)<!-- libraries end -->/.exec(page)?.[1] ?? "";
  expect([...listed.matchAll(/`([^`]+)`/g)].map(([, name]) => name).sort()).toEqual(names);
});
