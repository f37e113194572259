import { createTestHost } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import manifest from "../plinth.json" with { type: "json" };

/** A host that knows the contract, with one provider of it. */
const open = async (speak: (input: { text: string }) => unknown) => {
  const provide = [{ contract: "__ID__.voice", id: "loud", descriptor: { title: "Loud" }, provider: { speak } }];
  const host = await createTestHost({ extensions: [{ manifest }], provide });
  const voices = host.use("__ID__.voice" as never) as unknown as {
    list(): Promise<{ id: string; descriptor: unknown }[]>;
    get(id: string): { speak(input: object): Promise<unknown> };
  };
  return { host, voices };
};

// Those who provide it and those who use it never see each other's code: the contract is all that they have in common.
describe("the contract __ID__.voice", () => {
  it("brings what is asked to a provider, and its answer back", async () => {
    const { host, voices } = await open(({ text }) => ({ spoken: text.toUpperCase() }));
    expect(await voices.list()).toMatchObject([{ id: "loud", descriptor: { title: "Loud" } }]);
    expect(await voices.get("loud").speak({ text: "hello" })).toEqual({ spoken: "HELLO" });
    await host.close();
  });

  it("lets nothing through that does not fit it, in either direction", async () => {
    const { host, voices } = await open(() => ({ said: "something else" }));
    await expect(voices.get("loud").speak({ txt: "hello" })).rejects.toMatchObject({ code: "PLINTH_PAYLOAD" });
    await expect(voices.get("loud").speak({ text: "hello" })).rejects.toMatchObject({ code: "PLINTH_PAYLOAD" });
    await host.close();
  });
});
