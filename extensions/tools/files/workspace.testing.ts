import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Principal, ToolResult } from "@plinth/sdk";
import { createTestHost } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export interface FilesBench extends AsyncDisposable {
  /** Holds the workspace and, beside it, what must not be reached. */
  readonly outside: string;
  readonly workspace: string;
  call(tool: string, args: Record<string, unknown>, signal?: AbortSignal): Promise<ToolResult>;
  /** The text of a call's result. */
  text(tool: string, args: Record<string, unknown>): Promise<string>;
  /** The code of a call that fails. */
  code(tool: string, args: Record<string, unknown>): Promise<string | undefined>;
  as<T>(principal: Principal, body: () => T): T;
  /** Run `body` as a turn of the owner that these had a hand in; resolves to who had one when it was over. */
  turn<T>(parties: string[], body: () => Promise<T>): Promise<{ value: T; parties: string[] }>;
  /** The answer of `/undo ARGS`, in the conversation `main`. */
  undo(args: string): Promise<string>;
  tool(id: string): any;
  command(id: string): any;
  /** Something was installed or removed. */
  generation(): Promise<unknown>;
}

let turns = 0;

export async function filesBench(grants: Record<string, unknown> = {}): Promise<FilesBench> {
  const outside = await mkdtemp(join(tmpdir(), "plinth-files-"));
  const workspace = join(outside, "workspace");
  await mkdir(workspace);
  const host = await createTestHost({ extensions: [{ manifest, extension }], principal: { role: "owner", via: "test" }, grants });
  const call: FilesBench["call"] = (tool, args, signal) =>
    host
      .use("plinth.tool")
      .get(tool)
      .call({ args, workspace, sessionKey: "main" }, signal ? { signal } : {});
  const owner = (): Principal => ({ role: "owner", via: `test-${++turns}` });
  return {
    outside,
    workspace,
    call,
    as: (principal, body) => host.as(principal, body),
    turn: (parties, body) =>
      host.as(owner(), async () => {
        for (const party of parties) host.lower(party, "did");
        const value = await body();
        return { value, parties: host.influences().map((one) => one.party) };
      }),
    undo: (args) =>
      host.as(owner(), async () => {
        let text = "";
        for await (const item of host.use("plinth.chat-command").get("undo").run({ args, sessionKey: "main" })) if ("text" in item) text += item.text;
        return text;
      }),
    generation: () => host.fire("generation.ready", { generation: 2, added: [], removed: [] }),
    command: (id) => host.use("plinth.chat-command").get(id),
    tool: (id) => host.use("plinth.tool").get(id),
    text: async (tool, args) => textOf(await call(tool, args)),
    async code(tool, args) {
      const result = await call(tool, args);
      return result.isError ? (result.details as { code: string }).code : undefined;
    },
    async [Symbol.asyncDispose]() {
      await host.close();
      await rm(outside, { recursive: true, force: true });
    },
  };
}

export const textOf = ({ content }: ToolResult): string => content.map((part) => (part.type === "text" ? part.text : "")).join("");
