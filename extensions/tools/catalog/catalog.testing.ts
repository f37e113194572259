import type { CallOptions, SetTool, ToolItem } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestExtension, type TestHost } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** A tool that a manifest declares. */
export const tool = (id: string, descriptor: object = {}, provider: object = { call: () => text(id) }): ScriptedProvider => ({
  contract: "plinth.tool",
  id,
  descriptor: { description: `Does ${id}.`, input: { type: "object" }, effects: [], ...descriptor },
  provider: provider as never,
});

export const listed = (name: string, said: Partial<SetTool> = {}): SetTool => ({
  name,
  description: `Does ${name}.`,
  input: { type: "object" },
  ...said,
});

export interface ScriptedSet extends ScriptedProvider {
  /** How often it was asked for its list. */
  asked: number;
  /** What it lists; an error is thrown. */
  tools: SetTool[] | Error;
}

export function toolSet(id: string, tools: SetTool[] | Error, provider: object = {}, effects: string[] = ["read", "net"]): ScriptedSet {
  const set: ScriptedSet = {
    asked: 0,
    tools,
    contract: "plinth.tool-set",
    id,
    descriptor: { title: id, effects },
    provider: {
      list: () => {
        set.asked++;
        if (set.tools instanceof Error) throw set.tools;
        return { tools: set.tools };
      },
      call: ({ tool: name, source }: { tool: string; source?: string }) => text(`${source ?? id} did ${name}`),
      ...provider,
    } as never,
  };
  return set;
}

export const start = (provide: ScriptedProvider[], config: object = {}, others: TestExtension[] = []): Promise<TestHost> =>
  createTestHost({ extensions: [{ manifest, extension, config }, ...others], provide });

export const catalogOf = (host: TestHost) => host.use("plinth.tool-catalog").one();

export async function run(host: TestHost, name: string, input: object = {}, options: CallOptions = {}): Promise<ToolItem[]> {
  const items: ToolItem[] = [];
  for await (const item of catalogOf(host).run({ name, args: {}, callId: "c1", ...input }, options)) items.push(item);
  return items;
}
