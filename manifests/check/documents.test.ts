import { describe, expect, it } from "vitest";
import { formatLock, parseConfig, parseLock } from "./documents.ts";

const codeAndText = async (run: () => unknown): Promise<string> => {
  try {
    await run();
    return "none";
  } catch (thrown) {
    return `${(thrown as { code: string }).code} ${(thrown as Error).message}`;
  }
};

describe("the configuration", () => {
  it("is JSON5, and nothing is an empty one", async () => {
    expect(await parseConfig("plinth.json", " \n")).toEqual({});
    expect(await parseConfig("plinth.json", "{ /* c */ log: { level: 'warn', }, }")).toEqual({ log: { level: "warn" } });
  });

  it("is refused with its file, the place and a suggestion", async () => {
    expect(await codeAndText(() => parseConfig("plinth.json", "{ extnsions: {} }"))).toContain('did you mean "extensions"?');
    expect(await codeAndText(() => parseConfig("plinth.json", '{ log: { level: "loud" } }'))).toContain(
      "plinth.json is not valid at /log/level: must be one of trace",
    );
    expect(await codeAndText(() => parseConfig("plinth.json", "{ a: "))).toContain("it is not JSON5");
    expect(await codeAndText(() => parseConfig("plinth.json", "[]"))).toContain("PLINTH_CONFIG_INVALID");
    expect(await codeAndText(() => parseConfig("plinth.json", '{ "__proto__": { "log": {} } }'))).toContain("PLINTH_CONFIG_INVALID");
    expect(await codeAndText(() => parseConfig("plinth.json", '{ extensions: { "no-dot": {} } }'))).toContain("PLINTH_CONFIG_INVALID");
  });
});

describe("the lock", () => {
  const entry = { version: "1.0.0", source: "folder:x", digest: "a".repeat(128), pinnedBy: "operator", reason: "r" } as const;

  it("has one form: the same state gives the same bytes", () => {
    const one = formatLock({ lockfile: 1, extensions: { "b.b": entry, "a.a": entry } });
    const other = formatLock({ extensions: { "a.a": { ...entry }, "b.b": entry }, lockfile: 1 });
    expect(one).toBe(other);
    expect(one.endsWith("}\n")).toBe(true);
    expect(parseLock("plinth.lock", one)).toEqual({ lockfile: 1, extensions: { "a.a": entry, "b.b": entry } });
    expect(parseLock("plinth.lock", "")).toEqual({ lockfile: 1, extensions: {} });
  });

  it.each(["{", "[]", '{"lockfile":2,"extensions":{}}', '{"lockfile":1,"extensions":{"a.a":{}}}'])("refuses %s", (text) => {
    expect(() => parseLock("plinth.lock", text)).toThrow(expect.objectContaining({ code: "PLINTH_CONFIG_INVALID" }));
  });
});
