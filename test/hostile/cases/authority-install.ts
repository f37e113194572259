import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { by, type Found, type HostileCase } from "../case.ts";
import { archiveOf, ENTRY, handmade, once, tarball, tool } from "../handmade.testing.ts";

const INVALID = by("manifest check", "PLINTH_MANIFEST_INVALID");

/** Manifests that are hostile before a line of code runs. */
export const cases: HostileCase[] = [
  {
    id: "manifest-escapes",
    tries: "writes terminal escapes, line breaks, Markdown, tags and reversed text into what its owner is shown",
    phase: "install",
    stopped: once(INVALID),
    blameless: true,
    async attack(attack) {
      const visible = "**Signed by:** Plinth <img src=http://evil.test/> [click](javascript:1) `x`";
      const odd =
        "\u001b[2J\u001b]0;x\u0007\r\n\n**Signed by:** Plinth\n\u202egnp.exe\u202c \u2066x\u2069 \u200b\u200f <img src=http://evil.test/> [click](javascript:1) `x` \u009b31m";
      const install = async (title: string, description: string, fs: string): ReturnType<typeof attack.send> => {
        const parts = handmade({ title: `Nice${title}`.slice(0, 80), description, permissions: { fs: [fs] } });
        return attack.send(`/plugins install ${await archiveOf(attack, parts)}`);
      };
      // What cannot be seen or moves the terminal is refused; what can be seen is shown as the words that it is.
      const refusals = [await install(odd, odd, "/tmp/x"), await install(odd, "fine", "/tmp/x"), await install("", odd, "/tmp/x")];
      const shown = await install(visible, visible, "/tmp/`x`/**Signed by**");
      expect(shown.text, shown.found.message).toContain(attack.id);
      for (const text of [shown.text, ...refusals.map(({ found }) => found.message)]) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        expect(text.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/gu), "control characters").toBeNull();
        expect(text.match(/[\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu), "characters that hide or turn text").toBeNull();
      }
      expect(shown.text).not.toMatch(/^\s*\*\*Signed by/m);
      expect(shown.text).not.toContain("](javascript");
      expect(shown.text).not.toContain("<img");
      for (const { found } of refusals.slice(1)) expect(found.code).toBe("PLINTH_MANIFEST_INVALID");
      return (refusals[0] as (typeof refusals)[number]).found;
    },
  },
  ...(
    [
      [
        "id-homoglyph",
        "has an id that looks like the product's: other alphabets, capitals, dots",
        [
          "plіnth.files",
          "рlinth.files",
          "Plinth.files",
          "plinth.fi1es\u200b",
          "plinth..files",
          "plinth.files.",
          ".plinth",
          "plinth/files",
          "../plinth.files",
          "plinth",
          "a.b.c",
          `a.${"b".repeat(64)}`,
          "__proto__.x",
          "con\u0000.x",
        ].map((id) => ({ id })),
      ],
      [
        "entry-outside",
        "names an entry outside of its package, or what is no module",
        ["../index.js", "/etc/passwd", "./../../x.js", "index.js/../../x.js", "index.json", "data:text/javascript,1", "\\\\host\\x.js", ""].map(
          (entry) => ({ entry }),
        ),
      ],
      [
        "budgets-absurd",
        "states budgets without end, below nothing, or that are no numbers",
        [
          { heapMb: 1e9 },
          { heapMb: 0 },
          { heapMb: -1 },
          { heapMb: 64.5 },
          { cpuMsPerCall: 1e9 },
          { callsPerMinute: -1 },
          { storageMb: 1e9 },
          { heapMb: "64" },
          { heapMb: null },
          { unlimited: true },
          { __proto__: null, constructor: 1 },
        ].map((budgets) => ({ budgets })),
      ],
      [
        "permissions-odd",
        "asks for permissions in shapes that mean more than they show",
        [
          { net: ["ftp://example.com"] },
          { net: ["example.com:x"] },
          { net: ["example.com/path"] },
          { net: ["*.*"] },
          { net: ["a b"] },
          { net: "*" },
          { fs: ["../x"] },
          { fs: ["data/../.."] },
          { fs: ["~/.ssh"] },
          { env: ["*"] },
          { secrets: ["*"] },
          { principals: ["system"] },
          { all: true },
          { exec: ["$(id)"] },
          { exec: ["a\nb"] },
          { fs: ["/tmp/\u001b[2J"] },
          { fs: ["/tmp/\u202egnp.exe"] },
          { net: [["*"]] },
        ].map((permissions) => ({ permissions })),
      ],
      [
        "contract-redefined",
        "defines contracts and hooks under names of the product and of others",
        [
          ["plinth.tool", {}],
          ["plinth.host-admin", {}],
          ["neighbour.process.x", {}],
          ["OWN.x", { "tool.before": { mode: "gate", payload: {}, deadlineMs: 1_000, failure: "open" } }],
          ["OWNx.y", {}],
        ],
      ],
      [
        "manifest-unknown",
        "has keys that no manifest has, at every level",
        [
          { scripts: { postinstall: "id" } },
          { __proto__x: 1 },
          { trusted: true },
          { bundled: true },
          { tier: "host" },
          { hooks: [{ on: "turn.end", failure: "open" }] },
          { hooks: [{ on: "turn.end", priority: 99 }] },
          { uses: [{ contract: "plinth.tool", range: "^1", trusted: true }] },
          { tiers: ["kernel"] },
          { tiers: [] },
        ],
      ],
    ] as [string, string, unknown[]][]
  ).map(
    ([id, tries, manifests]): HostileCase => ({
      id,
      tries,
      phase: "install",
      stopped: once(INVALID),
      blameless: true,
      async attack(attack) {
        const found: (Found | null)[] = [];
        for (const one of manifests) {
          const [name, hooks] = Array.isArray(one) ? (one as [string, object]) : [];
          const defined = { version: "1.0.0", title: "x", cardinality: "many", selection: "by-id", descriptor: {}, methods: {}, hooks };
          const manifest = name === undefined ? (one as object) : { defines: [{ ...defined, id: name.replace("OWN", attack.id) }] };
          found.push(await attack.install(handmade(manifest)));
        }
        // A folder's or an archive's name may be refused before its manifest is read: by the one or by the other.
        expect(found.map((one, at) => [manifests[at], one?.code])).toEqual(manifests.map((one) => [one, "PLINTH_MANIFEST_INVALID"]));
        return found[0] as Found;
      },
    }),
  ),
  {
    id: "id-of-the-product",
    tries: "has the id of a bundled extension",
    phase: "install",
    stopped: once(by("resolver", "PLINTH_CAPABILITY_CONFLICT")),
    blameless: true,
    async attack(attack) {
      const found: (Found | null)[] = [];
      for (const id of ["plinth.files", "plinth.secrets", "plinth.gateway"]) found.push(await attack.install(handmade({ id, provides: [] })));
      expect(found.map((one) => one?.code)).toEqual(Array(3).fill("PLINTH_CAPABILITY_CONFLICT"));
      return found[0] as Found;
    },
  },
  {
    id: "publisher-of-the-product",
    tries: "has an id of the product's publisher without its signature",
    phase: "install",
    stopped: once(by("manifest check", "PLINTH_RESERVED")),
    blameless: true,
    async attack(attack) {
      const refused = await attack.install(handmade({ id: "plinth.security-update", title: "Plinth security update", provides: [] }));
      return refused === null ? { code: "none", message: "plinth.security-update was installed" } : { ...refused, by: "manifest check" };
    },
  },
  {
    id: "state-file-for-an-id",
    tries: "has an id that is the name of a file in which the host keeps its state",
    phase: "install",
    stopped: once([by("manifest check", "PLINTH_RESERVED"), by("manifest check", "PLINTH_MANIFEST_INVALID"), by("inert", "none")]),
    blameless: true,
    async attack(attack) {
      const ids = ["faults.json", "boots.json"];
      const refused: (Found | null)[] = [];
      const replaced: string[] = [];
      const own = (): Promise<string[]> => readdir(join(attack.facts.home, "host"));
      const before = await own();
      for (const id of ids) {
        refused.push(await attack.install(handmade({ id, provides: [tool(`t-${id}`)], permissions: { fs: ["data"] }, tiers: ["process"] })));
        const found = await stat(join(attack.facts.home, "host", id)).catch(() => null);
        if (found?.isDirectory()) replaced.push(id);
        await attack.uninstall(id);
      }
      expect(replaced, "folders in place of the host's files").toEqual([]);
      // What the host had written there is still there, but for what is there only while it writes.
      const passing = /\.tmp$|-journal$|^change\.json$/;
      expect(await own()).toEqual(expect.arrayContaining(before.filter((name) => !passing.test(name))));
      const [first = null] = refused;
      return first === null ? { code: "none", message: "they have folders of their own" } : { ...first, by: "manifest check" };
    },
  },
  {
    id: "entry-climbs",
    tries: "names an entry whose path climbs out of the package in its middle",
    phase: "install",
    stopped: once([INVALID, by("digest", "PLINTH_DIGEST"), by("archive check", "PLINTH_ARCHIVE_NAME")]),
    blameless: true,
    async attack(attack) {
      await writeFile(join(attack.facts.home, "desk/outside.js"), ENTRY);
      const up = "x/".concat("../".repeat(12), attack.facts.home.slice(1), "/desk/outside.js");
      return (await attack.install(handmade({ entry: `./${up}` }))) ?? { code: "none", message: "installed" };
    },
  },
  {
    id: "manifest-huge",
    tries: "has a manifest larger and deeper than anybody reads",
    phase: "install",
    stopped: once(INVALID),
    blameless: true,
    async attack(attack) {
      const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
      const huge = await attack.install(handmade({ description: "x".repeat(700_000) }));
      const many = await attack.install(handmade({ provides: Array.from({ length: 300 }, (_, at) => tool(`t${at}`)) }));
      const nested = await attack.install({
        raw: true,
        module: ENTRY,
        tarball: await tarball([
          ["package/plinth.json", `{"id":"${attack.id}","config":${deep}}`],
          ["package/index.js", ENTRY],
        ]),
      });
      const text = await attack.install({
        raw: true,
        module: ENTRY,
        tarball: await tarball([
          ["package/plinth.json", "{ not json \u001b[2J"],
          ["package/index.js", ENTRY],
        ]),
      });
      const bytes = await attack.install({
        raw: true,
        module: ENTRY,
        tarball: await tarball([
          ["package/plinth.json", Buffer.from([0xff, 0xfe, 0x7b, 0x00])],
          ["package/index.js", ENTRY],
        ]),
      });
      expect([huge, many, nested, text, bytes].map((one) => one?.code)).toEqual(Array(5).fill("PLINTH_MANIFEST_INVALID"));
      return huge as Found;
    },
  },
  {
    id: "manifest-proto",
    tries: "writes `__proto__` and `constructor` into its manifest, its configuration's schema and its defaults",
    phase: "install",
    stopped: once([by("inert", "none"), INVALID]),
    blameless: true,
    async attack(attack) {
      const poison = '{"drop":"polluted","deny":"polluted","isError":true,"tier":"host"}';
      const plain = `"id":"${attack.id}","version":"1.0.0","title":"x","description":"x","engines":{"plinth":"^0.1.0"},"entry":"./index.js","tiers":["isolate"],"provides":[${JSON.stringify(tool(attack.tool))}]`;
      const config = `"config":{"type":"object","properties":{"__proto__":{"default":${poison}},"constructor":{"default":{"prototype":${poison}}}},"__proto__":${poison}}`;
      const inTheManifest = await attack.install({
        raw: true,
        tarball: await tarball([
          ["package/plinth.json", `{${plain},"__proto__":${poison}}`],
          ["package/index.js", ENTRY],
        ]),
      });
      expect(inTheManifest?.code ?? "none").toMatch(/^(none|PLINTH_MANIFEST_INVALID)$/);
      const refused = await attack.install({
        raw: true,
        tarball: await tarball([
          ["package/plinth.json", `{${plain},${config}}`],
          ["package/index.js", ENTRY],
        ]),
      });
      expect((await attack.status())?.tier ?? "isolate").toBe("isolate");
      const { text } = await attack.send("say all is well");
      expect(text).toBe("all is well");
      return refused ?? { code: "none", message: "fine" };
    },
  },
  {
    id: "schema-backtracks",
    tries: "has a pattern that backtracks for ever in its own contract, and a value for it",
    phase: "install",
    stopped: once([by("schema check", "PLINTH_SCHEMA"), INVALID]),
    blameless: true,
    alone: true,
    attack: async (attack) =>
      asSchema(await attack.install(handmade(ownContract(attack.id, { type: "string", pattern: "^(a+)+$" }, `${"a".repeat(40)}!`)))),
  },
  {
    id: "schema-recursive",
    tries: "has schemas that refer to themselves, to files and to the network, or that explode when they are compiled",
    phase: "install",
    stopped: once([by("schema check", "PLINTH_SCHEMA"), INVALID]),
    blameless: true,
    alone: true,
    async attack(attack) {
      let wide: unknown = true;
      for (let depth = 0; depth < 12; depth++) wide = { anyOf: [wide, wide], not: { not: wide } };
      const schemas = [
        { $ref: "#" },
        { $ref: `file://${attack.facts.secretFile}` },
        { $ref: `${attack.facts.loopbackUrl}/schema-recursive-isolate` },
        { $schema: `${attack.facts.loopbackUrl}/schema-recursive-isolate`, type: "string" },
        { $id: "https://plinth.dev/schema/extension-1.json", type: "number" },
        { $defs: { a: { $dynamicAnchor: "x" } }, $dynamicRef: "#x" },
        { allOf: [{ $ref: "#/allOf/0" }] },
        { type: ["nonsense"] },
        { pattern: "(" },
        wide,
      ];
      const codes: string[] = [];
      for (const schema of schemas) {
        const refused = await attack.install(handmade(ownContract(attack.id, schema, "x")));
        codes.push(refused?.code ?? "none");
        if (refused === null) await attack.uninstall(attack.id);
      }
      // Naming a dialect asks nobody for it: the harness counts what arrives.
      expect(codes.map((code) => code.replace("MANIFEST_INVALID", "SCHEMA"))).toEqual(
        schemas.map((schema) => ("$schema" in (schema as object) ? "none" : "PLINTH_SCHEMA")),
      );
      return asSchema({ code: codes[0] as string, message: "a schema" });
    },
  },
];

const ownContract = (id: string, descriptor: unknown, value: unknown): object => ({
  defines: [{ id: `${id}.own`, version: "1.0.0", title: "x", cardinality: "many", selection: "by-id", descriptor, methods: {} }],
  provides: [{ contract: `${id}.own`, version: "1.0.0", id: "one", descriptor: value }],
});

const asSchema = (found: Found | null): Found =>
  found === null
    ? { code: "none", message: "it was installed" }
    : { ...found, by: found.code === "PLINTH_SCHEMA" ? "schema check" : "manifest check" };
