import type { CatalogTool, Client, ToolPlace, ToolRules } from "@plinth/sdk";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import extension from "./index.ts";
import type { Config } from "./levels.ts";
import manifest from "./plinth.json" with { type: "json" };

type Descriptor = CatalogTool["descriptor"];

export const tool = (name: string, effects: string[] = [], more: Partial<Descriptor> = {}, place: Partial<CatalogTool> = {}): CatalogTool => ({
  name,
  extension: "plinth.test",
  digest: "0".repeat(64),
  descriptor: { description: name, input: { type: "object" }, effects: effects as Descriptor["effects"], ...more },
  ...place,
});

export const TOOLS: readonly CatalogTool[] = [
  tool("read", ["read"], { kinds: ["fs"] }),
  tool("write", ["write"], { kinds: ["fs"] }),
  tool("exec", ["read", "write", "exec", "net"], { kinds: ["exec"] }),
  tool("web_fetch", ["net"], { kinds: ["web"] }),
  tool("dice"),
  tool("mail", ["send", "net"], {}, { from: "acme.mail", extension: "acme.mail" }),
  tool("mcp__desk__open", ["read", "exec"], { kinds: ["ui"] }, { from: "mcp:desk", extension: "plinth.mcp", set: "mcp" }),
  tool("pipeline", ["read"], { optional: true, kinds: ["automation"] }),
];

export interface House {
  host: TestHost;
  policy: Client<"plinth.tool-policy">;
  /** Names of what is offered. */
  offered(places?: ToolPlace[], rules?: ToolRules[]): Promise<string[]>;
}

export async function house(config: Config = {}, models: Record<string, string[]> = {}): Promise<House> {
  const host = await createTestHost({
    extensions: [{ manifest, extension, config }],
    provide: [
      {
        contract: "plinth.models",
        descriptor: { title: "x" },
        provider: {
          choose: ({ model }: { model: string }) => ({
            choices: (models[model] ?? [model]).map((name) => ({ name, provider: "p", model: "m", maker: "p/m" })),
          }),
        } as never,
      },
    ],
  });
  const policy = host.use("plinth.tool-policy").one();
  const offered = async (places: ToolPlace[] = [{}], rules: ToolRules[] = []) =>
    (await policy.decide({ places, rules, tools: [...TOOLS] })).decisions.flatMap(({ name, offered }) => (offered ? [name] : []));
  return { host, policy, offered };
}
