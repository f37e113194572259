import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createTestHost } from "@plinth/sdk/testing";
import manifest from "../plinth.json" with { type: "json" };

describe("the catalogue", () => {
  // The host checks the manifest, and each entry against the contract's descriptor.
  it("is listed as it stands in the manifest, without any code", async () => {
    const host = await createTestHost({ extensions: [{ manifest, extension: { activate() {} } }] });
    const entries = (await host.use("__ID__.entry" as never).list()) as { id: string; descriptor: unknown }[];
    assert.deepEqual(
      entries.map(({ id, descriptor }) => ({ id, descriptor })),
      manifest.provides.map(({ id, descriptor }) => ({ id, descriptor })),
    );
    assert.deepEqual(host.activated(), []);
    await host.close();
  });
});
