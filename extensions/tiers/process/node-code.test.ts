import { createHash } from "node:crypto";
import { found, type Part } from "@plinth/sdk/tiers";
import type { FetchRequest } from "@plinth/sdk/wire";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "./lab.testing.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterEach(() => lab.quiet());
afterAll(() => lab.close());

const WALLS: [string, Part[]][] = [
  ["namespaces", []],
  ["Landlock", ["bubblewrap"]],
  ["Node's permission model", ["bubblewrap", "landlock", "seccomp"]],
];

describe.each(WALLS)("ordinary Node code behind %s", (_wall, without) => {
  it("uses hashes, compression, streams, timers and time zones", async () => {
    const { call } = await lab.start(await found(without));
    const text = "héllo ".repeat(1_000);
    const sha256 = createHash("sha256").update(text).digest("hex");
    expect(await call("libraries", text)).toEqual({
      ...{ sha256, webSha256: sha256, random: 16, unpacked: text, streamed: text, kept: "here", memory: true, processors: true },
      when: "1.1.1970, 01:00:00",
    });
  });

  it("is refused threads and connections of its own with a code and the way to go", async () => {
    const { call } = await lab.start(await found(without));
    expect(await call("worker")).toBe("ERR_ACCESS_DENIED");
    expect(await call("http", lab.told.tcpPort)).toMatchObject({
      code: "PLINTH_PERMISSION",
      message: expect.stringContaining("connections of its own"),
    });
  });
});

it("fetches through the host, with the classes of the web that it knows", async () => {
  const asked: FetchRequest[] = [];
  const bridge = {
    async *fetch(request: FetchRequest) {
      asked.push(request);
      yield { status: 201, headers: { "content-type": "text/plain" } };
      yield new TextEncoder().encode("from ");
      yield new TextEncoder().encode("the host");
    },
  };
  const { call } = await lab.start(await found(), { bridge });
  expect(await call("fetch", "https://api.example/things")).toEqual({
    ...{ status: 201, type: "text/plain", url: "https://api.example/things", text: "from the host" },
  });
  expect(asked).toMatchObject([{ url: "https://api.example/things", method: "POST", headers: { "x-from": "guest" }, base64: true }]);
  expect(Buffer.from(asked[0]?.body as string, "base64").toString()).toBe("a=1");
});
