import { geminiServer } from "@plinth/sdk/testing";
import { expect, it } from "vitest";
import { ask, collect, opened, shelf } from "./api.testing.ts";

it("what is kept elsewhere goes with its bytes, and a picture too large for a part is kept with its signature", async () => {
  const { provide, put } = shelf({ cat: "meow" });
  const server = await geminiServer();
  const { host, api, endpoint } = await opened(server.url, {}, provide);
  try {
    const part = { inlineData: { mimeType: "image/png", data: Buffer.alloc(3_000_000, 1).toString("base64") }, thoughtSignature: "c2ln" };
    server.script({ say: [{ raw: `data: ${JSON.stringify({ candidates: [{ content: { role: "model", parts: [part] }, index: 0 }] })}\n\n` }] });
    const content = [{ type: "image" as const, mimeType: "image/png", artifact: "cat" }];
    const items = await collect(api.stream({ endpoint, request: ask("", { messages: [{ role: "user", content }] }) }));
    expect(server.requests[0]!.body.contents[0].parts[0].inlineData.data).toBe(Buffer.from("meow").toString("base64"));
    const kept = { vendor: "lumen", model: "gemini-3-pro", part: { thoughtSignature: "c2ln" } };
    expect(items[0]).toMatchObject({ part: { type: "image", artifact: "made", bytes: 3_000_000, opaque: { data: kept } } });
    expect(put).toEqual([{ bytes: 3_000_000, mimeType: "image/png" }]);
  } finally {
    await host.close();
    await server.close();
  }
});
