import type { ModelVendor } from "@plinth/sdk";
import { createTestHost, openaiChatServer, type TestHost } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import { knowsModels } from "../../agents/native/scripted.testing.ts";
import api from "../api-openai-chat/index.ts";
import apiManifest from "../api-openai-chat/plinth.json" with { type: "json" };

let host: TestHost;
afterEach(() => host.close());

const descriptor = (url: string): ModelVendor => ({
  title: "Acme",
  api: "openai-chat",
  priority: 5,
  local: true,
  baseUrls: { default: `${url}/v1` },
  auth: [{ kind: "none" }],
  models: [
    { id: "old", title: "Old", contextTokens: 8_000 },
    { id: "stays", title: "Stays", contextTokens: 32_000 },
  ],
});

async function refresh(json: boolean): Promise<any> {
  const run = host.use("plinth.cli-command").get("models-refresh");
  const terminal = { tty: false, color: false, columns: 80, cwd: "/", local: true, json };
  const items: any[] = [];
  await host.as({ role: "owner", via: "cli" }, async () => {
    for await (const item of run.run({ args: { provider: "acme" }, options: {}, terminal } as never)) items.push(item);
  });
  return json ? items[0].result : items.map(({ out }) => out).join("");
}

it("plinth models refresh shows what is new and gone, and the list stays where the server is away", async () => {
  const server = await openaiChatServer({ models: ["stays", "new"] });
  const knows = knowsModels();
  const vendor = { id: "test.acme", version: "1.0.0", title: "Acme", description: "", engines: { plinth: "*" } };
  const provides = [{ contract: "plinth.model-vendor", version: "1.0.0", id: "acme", descriptor: descriptor(server.url) }];
  host = await createTestHost({
    extensions: [
      ...knows.extensions,
      { manifest: apiManifest, extension: api },
      { manifest: { ...vendor, provides }, extension: { activate() {} } as never },
    ],
    provide: knows.provide,
  });
  expect(await refresh(true)).toEqual({ provider: "acme", models: 2, known: 2, added: ["new"], gone: ["old"] });
  expect(await refresh(false)).toBe(
    "acme lists 2 models; 2 were known.\n\nNew\n  acme/new\n\nGone\n  acme/old\n\nThe list is kept: plinth models acme\n",
  );
  await server.close();
  const { models } = await host.use("plinth.models").one().models({ provider: "acme" });
  expect(models.map(({ id, contextTokens }) => [id, contextTokens])).toEqual([
    ["stays", 32_000],
    ["new", undefined],
  ]);
  await expect(refresh(true)).rejects.toMatchObject({ code: expect.stringMatching(/^PLINTH_MODEL_/) });
  const run = host.use("plinth.cli-command").get("models-refresh");
  await expect(
    run
      .run({
        args: { provider: "acme" },
        options: {},
        terminal: { tty: false, color: false, columns: 80, cwd: "/", local: true, json: true },
      } as never)
      [Symbol.asyncIterator]()
      .next(),
  ).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
});
