import assert from "node:assert/strict";
import type { Client, Manifest, McpServer } from "../../extension/index.ts";
import { loadContracts } from "../contract-table.ts";
import { schemaProblems } from "../json-schema.ts";
import { assertCode, assertCodedFailure, type ConformanceCase, casesOf, type Opening } from "./case.ts";

type Skills = Client<"plinth.skill-source">;

export interface SkillSourceSubject extends Opening<Skills> {
  /** A skill that it has. */
  name: string;
  /** Another file of that skill. */
  file?: string;
}

export interface McpServerSubject {
  manifest: Manifest;
  /** The server's id in it. */
  id: string;
}

const one = casesOf<Skills, SkillSourceSubject>("plinth.skill-source");

/** What `plinth.skill-source` asks of whoever brings skills. */
export const skillSourceConformance: readonly ConformanceCase<SkillSourceSubject>[] = [
  one("lists each skill once, and says why one cannot be used", async (skills, { name }) => {
    const { skills: all } = await skills.list({});
    assert.ok(all.some((skill) => skill.name === name));
    assert.equal(new Set(all.map((skill) => skill.name)).size, all.length);
    for (const { usable, why } of all) assert.ok(usable || why !== undefined);
  }),
  one("reads its instructions", async (skills, { name }) => assert.ok((await skills.read({ name })).text!.length > 0)),
  one(
    "reads what else is in its folder",
    async (skills, { name, file }) => {
      const { text, base64 } = await skills.read({ name, file: file! });
      assert.ok((text ?? base64) !== undefined);
      assert.ok((await skills.list({})).skills.find((skill) => skill.name === name)?.files?.includes(file!));
    },
    ["file"],
  ),
  one("lets no path lead out of the folder", async (skills, { name }) => {
    for (const file of ["../SKILL.md", "/etc/passwd", "a/../../b", "..\\\\b", "%2e%2e/b"])
      await assertCode(skills.read({ name, file }), "PLINTH_SKILL_UNKNOWN");
  }),
  one("knows none that is not there", async (skills) => {
    await assertCode(skills.read({ name: "not-there" }), "PLINTH_SKILL_UNKNOWN");
    await assertCodedFailure(skills.read({ name: "../other" as never }));
  }),
];

const serverOf = ({ manifest, id }: McpServerSubject): unknown =>
  (manifest.provides ?? []).find((provide) => provide.contract === "plinth.mcp-server" && provide.id === id)?.descriptor;
const said = (
  name: string,
  body: (server: McpServer, permissions: NonNullable<Manifest["permissions"]>) => void,
): ConformanceCase<McpServerSubject> => ({
  name,
  run: async (subject) => body(serverOf(subject) as McpServer, subject.manifest.permissions ?? {}),
});

/** What `plinth.mcp-server` asks of every server: that its data holds together. */
export const mcpServerConformance: readonly ConformanceCase<McpServerSubject>[] = [
  {
    name: "fits the contract",
    async run(subject) {
      const { descriptor } = (await loadContracts([subject.manifest])).contract("plinth.mcp-server");
      assert.deepEqual(await schemaProblems(descriptor, serverOf(subject)), []);
    },
  },
  said("is a program or an address, and not both", ({ program, url }) => assert.notEqual(program === undefined, url === undefined)),
  said("asks for what it needs: its program, its host, its secrets", ({ program, url, headers = {} }, { exec = [], net = [], secrets = [] }) => {
    if (program !== undefined)
      assert.ok(
        exec.some((one) => one.split(" ")[0] === program.command),
        `permissions.exec has ${program.command}`,
      );
    if (url !== undefined)
      assert.ok(
        net.some((one) => one.includes(new URL(url).hostname)),
        `permissions.net has the host of ${url}`,
      );
    for (const value of [...Object.values(program?.env ?? {}), ...Object.values(headers)])
      if (typeof value === "object") assert.ok(secrets.includes(value.secret), `permissions.secrets has ${value.secret}`);
  }),
];
