import type { ModelEvent } from "@plinth/sdk";
import { expect, it } from "vitest";
import { openaiChatServer } from "../model-servers/index.ts";
import { hostileModelConformance } from "./hostile-model-server.ts";

/** Chat completions as somebody reads them who has met good servers only. */
const naive = {
  async *stream({ endpoint, request }: any): AsyncGenerator<ModelEvent> {
    const response = await fetch(`${endpoint.baseUrl}/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: request.model, stream: true }),
    });
    const calls = new Map<number, { id: string; name: string; args: string }>();
    for await (const chunk of response.body!) {
      for (const line of Buffer.from(chunk).toString("utf8").split("\n\n")) {
        if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
        const { delta } = JSON.parse(line.slice(6)).choices[0] ?? { delta: {} };
        if (delta.content) yield { type: "text", delta: delta.content };
        for (const { index, id, function: called } of delta.tool_calls ?? []) {
          const call = calls.get(index) ?? { id, name: called.name, args: "" };
          call.args += called.arguments ?? "";
          calls.set(index, call);
        }
      }
    }
    for (const { id, name, args } of calls.values()) yield { type: "tool-call", call: { type: "tool-call", id, name, args: JSON.parse(args) } };
    yield { type: "end", reason: "stop" };
  },
};

it("an API that has met good servers only is found out by nearly every case", async () => {
  const failed: string[] = [];
  for (const { name, run } of hostileModelConformance) {
    const ask = { model: "m", messages: [] };
    const open = async () => {
      const server = await openaiChatServer();
      const endpoint = { vendor: "x", title: "X", baseUrl: `${server.url}/v1`, headers: {} };
      return { api: naive as never, endpoint, server, close: server.close };
    };
    await run({ ask, open }).catch(() => failed.push(name));
  }
  const passed = hostileModelConformance.map(({ name }) => name).filter((name) => !failed.includes(name));
  expect(passed.length, passed.join("; ")).toBeLessThanOrEqual(2);
});
