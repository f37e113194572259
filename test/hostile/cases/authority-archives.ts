import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { by, type Found, type HostileCase } from "../case.ts";
import { type ArchiveEntry, ENTRY, handmade, once, tarball } from "../handmade.testing.ts";

/** Packages that are not what they were looked at as. */
export const cases: HostileCase[] = [
  {
    id: "archive-links",
    tries: "packs links, devices, pipes, names that climb or are absolute, and two files of one name",
    phase: "install",
    stopped: once(by("archive check", "PLINTH_ARCHIVE_LINK")),
    blameless: true,
    async attack(attack) {
      const manifest = JSON.stringify({
        id: attack.id,
        version: "1.0.0",
        title: "x",
        description: "x",
        engines: { plinth: "^0.1.0" },
        entry: "./index.js",
      });
      const good: ArchiveEntry[] = [
        ["package/plinth.json", manifest],
        ["package/index.js", ENTRY],
      ];
      const bad: [string, ArchiveEntry[]][] = [
        ["PLINTH_ARCHIVE_LINK", [["package/assets/x", "", { type: "SymbolicLink", linkpath: attack.facts.secretFile }]]],
        ["PLINTH_ARCHIVE_LINK", [["package/assets/x", "", { type: "Link", linkpath: attack.facts.secretFile }]]],
        ["PLINTH_ARCHIVE_TYPE", [["package/assets/x", "", { type: "CharacterDevice" }]]],
        ["PLINTH_ARCHIVE_TYPE", [["package/assets/x", "", { type: "FIFO" }]]],
        ["PLINTH_ARCHIVE_NAME", [["package/../../x", "x"]]],
        ["PLINTH_ARCHIVE_NAME", [["package/assets/../../x", "x"]]],
        ["PLINTH_ARCHIVE_NAME", [[`${attack.facts.outside}/x`, "x"]]],
        ["PLINTH_ARCHIVE_NAME", [["package/assets\\..\\x", "x"]]],
        ["PLINTH_ARCHIVE_ROOT", [["other/x", "x"]]],
        ["PLINTH_ARCHIVE_DUPLICATE", [["package/index.js", "export default 1"]]],
        ["PLINTH_ARCHIVE_DUPLICATE", [["package/INDEX.js", "export default 1"]]],
        [
          "PLINTH_ARCHIVE_LINK",
          [
            ["package/dir", "", { type: "SymbolicLink", linkpath: attack.facts.outside }],
            ["package/dir/x", "x"],
          ],
        ],
      ];
      const found: (Found | null)[] = [];
      for (const [, entries] of bad) found.push(await attack.install({ raw: true, tarball: await tarball([...good, ...entries]) }));
      expect(found.map((one) => one?.code)).toEqual(bad.map(([code]) => code));
      return found[0] as Found;
    },
  },
  {
    id: "folder-links",
    tries: "is a folder with links in it, and with a link for an entry",
    phase: "install",
    stopped: once(by("archive check", "PLINTH_ARCHIVE_LINK")),
    blameless: true,
    async attack(attack) {
      const dir = join(attack.facts.home, "desk", `links-${Date.now()}`);
      await mkdir(join(dir, "assets"), { recursive: true });
      const manifest = { id: attack.id, version: "1.0.0", title: "x", description: "x", engines: { plinth: "^0.1.0" }, entry: "./index.js" };
      await writeFile(join(dir, "plinth.json"), JSON.stringify(manifest));
      await symlink(attack.facts.secretFile, join(dir, "index.js"));
      const entry = (await attack.request("plugins.install", { spec: dir })).found;
      await rm(join(dir, "index.js"));
      await writeFile(join(dir, "index.js"), ENTRY);
      await symlink(attack.facts.outside, join(dir, "assets/all"));
      const assets = (await attack.request("plugins.install", { spec: dir })).found;
      expect([entry?.code, assets?.code]).toEqual(["PLINTH_ARCHIVE_LINK", "PLINTH_ARCHIVE_LINK"]);
      return entry as Found;
    },
  },
  {
    id: "install-scripts",
    tries: "brings package.json scripts, native builds and files that package managers run",
    phase: "install",
    stopped: once(by("inert", "none")),
    blameless: true,
    async attack(attack) {
      const { outside } = attack.facts;
      const script = `node -e "require('fs').writeFileSync('${outside}/ran', 'x')"`;
      const scripts = Object.fromEntries(
        ["preinstall", "install", "postinstall", "prepare", "prepublish", "preuninstall"].map((name) => [name, script]),
      );
      const files = {
        "package.json": JSON.stringify({ name: "x", version: "1.0.0", scripts, bin: { plinth: "./run.js" }, dependencies: { x: "file:./x" } }),
        "binding.gyp": `{"targets":[{"target_name":"x","actions":[{"action_name":"x","inputs":[],"outputs":["x"],"action":["sh","-c","touch ${outside}/ran"]}]}]}`,
        ".npmrc": "ignore-scripts=false",
        "node_modules/x/package.json": JSON.stringify({ name: "x", scripts }),
        "assets/setup.sh": `#!/bin/sh\ntouch ${outside}/ran\n`,
      };
      const refused = await attack.install(handmade({}, { files }));
      expect(await readdir(outside)).not.toContain("ran");
      return refused === null ? attack.call() : { code: "none", message: refused.code };
    },
  },
  {
    id: "edited-after-consent",
    tries: "is another package when the yes comes: its staged files, and the archive that it came from, were changed",
    phase: "install",
    stopped: once(by("digest", "PLINTH_DIGEST")),
    blameless: true,
    async attack(attack) {
      const { confirm } = await attack.ask(handmade({}));
      const staging = join(attack.facts.home, "state/plinth.plugins/staging");
      for (const name of await readdir(staging)) {
        const manifest = await readFile(join(staging, name, "plinth.json"), "utf8").catch(() => "");
        if (manifest.includes(JSON.stringify(attack.id))) await writeFile(join(staging, name, "index.js"), `${ENTRY}\n// another one`);
      }
      return (await attack.request("plugins.confirm", { code: confirm })).found ?? { code: "none", message: "it was installed" };
    },
  },
];
