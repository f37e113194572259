import { createTestHost } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import manifest from "../plinth.json" with { type: "json" };

describe("the catalogue", () => {
  // The host checks the manifest, and each entry against the contract's descriptor.
  it("is listed as it stands in the manifest, without any code", async () => {
    const host = await createTestHost({ extensions: [{ manifest, extension: { activate() {} } }] });
    const entries = (await host.use("__ID__.entry" as never).list()) as { id: string; descriptor: unknown }[];
    expect(entries.map(({ id, descriptor }) => ({ id, descriptor }))).toEqual(manifest.provides.map(({ id, descriptor }) => ({ id, descriptor })));
    expect(host.activated()).toEqual([]);
    await host.close();
  });
});
