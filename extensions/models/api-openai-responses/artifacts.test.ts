import { openaiResponsesServer } from "@plinth/sdk/testing";
import { expect, it } from "vitest";
import { ask, collect, opened, shelf } from "./api.testing.ts";

it("what is kept elsewhere goes with its bytes, and a picture too large for a part is kept", async () => {
  const { provide, put } = shelf({ cat: "meow" });
  const server = await openaiResponsesServer();
  const { host, api, endpoint } = await opened(server.url, {}, provide);
  try {
    const result = Buffer.alloc(3_000_000, 1).toString("base64");
    const item = { type: "image_generation_call", id: "ig_1", status: "completed", output_format: "png", result };
    server.script({ say: [{ raw: `data: ${JSON.stringify({ type: "response.output_item.done", output_index: 0, item })}\n\n` }] });
    const content = [{ type: "image" as const, mimeType: "image/png", artifact: "cat" }];
    const items = await collect(api.stream({ endpoint, request: ask("", { messages: [{ role: "user", content }] }) }));
    expect(server.requests[0]!.body.input[0].content[0].image_url).toBe(`data:image/png;base64,${Buffer.from("meow").toString("base64")}`);
    expect(items[0]).toMatchObject({ type: "part", part: { type: "image", mimeType: "image/png", artifact: "made", bytes: 3_000_000 } });
    expect(put).toEqual([{ bytes: 3_000_000, mimeType: "image/png" }]);
  } finally {
    await host.close();
    await server.close();
  }
});
