import assert from "node:assert/strict";
import type { CatalogTool, Client, ToolPlace, ToolRules } from "../../extension/index.ts";
import { type ConformanceCase, casesOf, type Opening } from "./case.ts";

type Policy = Client<"plinth.tool-policy">;

export interface ToolPolicySubject extends Opening<Policy> {
  /** A place in which it takes something away; default: none is known. */
  place?: ToolPlace;
}

const decides = casesOf<Policy, ToolPolicySubject>("plinth.tool-policy");

const tool = (name: string, effects: CatalogTool["descriptor"]["effects"]): CatalogTool => ({
  name,
  extension: "acme.tools",
  from: "acme.tools",
  digest: "0".repeat(64),
  descriptor: { description: name, input: { type: "object" }, effects },
});
const tools = [tool("read", ["read"]), tool("exec", ["exec"]), tool("mail", ["send", "net"]), tool("dice", [])];
const rules: ToolRules[] = [
  { level: "a", deny: ["mail"] },
  { level: "b", allow: ["mail", "dice", "read"] },
];

/** What `plinth.tool-policy` asks of whoever decides which tools there are. */
export const toolPolicyConformance: readonly ConformanceCase<ToolPolicySubject>[] = [
  decides("decides of each tool, in their order", async (policy, { place = {} }) => {
    const { decisions } = await policy.decide({ places: [place], rules: [], tools });
    assert.deepEqual(
      decisions.map(({ name }) => name),
      tools.map(({ name }) => name),
    );
  }),
  decides("what one of the rules denies is not there, and what an allow leaves out is not", async (policy, { place = {} }) => {
    const there = await offered(policy, [place], rules);
    assert.ok(
      there.every((name) => name === "dice" || name === "read"),
      there.join(", "),
    );
  }),
  decides("one more rule or place gives nothing back, and no order matters", async (policy, { place = {} }) => {
    const all = await offered(policy, [{}], []);
    for (const [places, said] of [
      [[{}, place], []],
      [[{}], rules],
      [[place, {}], rules],
    ] as [ToolPlace[], ToolRules[]][]) {
      const fewer = await offered(policy, places, said);
      assert.deepEqual(
        fewer.filter((name) => !all.includes(name)),
        [],
      );
      assert.deepEqual(await offered(policy, [...places].reverse(), [...said].reverse()), fewer);
    }
  }),
  decides("says who took a tool away, and by what, where it is asked", async (policy) => {
    const { decisions } = await policy.decide({ places: [{}], rules, tools, explain: true });
    for (const one of decisions) {
      assert.ok(one.levels !== undefined, one.name);
      if (!one.offered) assert.ok(one.rule !== undefined && one.levels.some(({ offered }) => !offered), one.name);
    }
  }),
];

async function offered(policy: Policy, places: ToolPlace[], said: ToolRules[]): Promise<string[]> {
  const { decisions } = await policy.decide({ places, rules: said, tools });
  return decisions.flatMap(({ name, offered }) => (offered ? [name] : []));
}
