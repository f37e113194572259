import { describe, expect, it } from "vitest";
import { parseManifest } from "./manifest.ts";

const good = {
  id: "acme.weather",
  version: "1.0.0",
  title: "Weather",
  description: "Tells it.",
  engines: { plinth: "^0.1.0" },
  entry: "./index.js",
  provides: [{ contract: "plinth.service", version: "1.0.0", id: "weather", descriptor: { title: "Weather" } }],
};
const parse = (value: unknown) => parseManifest(typeof value === "string" ? value : JSON.stringify(value), "the package");
const defines = (more: object) => ({
  ...good,
  defines: [{ id: "acme.weather.sky", version: "1.0.0", title: "", cardinality: "many", selection: "by-id", descriptor: {}, methods: {}, ...more }],
});

describe("a manifest with text that hides or steers", () => {
  const provide = (descriptor: object) => ({ ...good, provides: [{ ...good.provides[0], descriptor }] });
  const places: [string, (text: string) => object][] = [
    ["/title", (title) => ({ ...good, title })],
    ["/description", (description) => ({ ...good, description })],
    ["/license", (license) => ({ ...good, license })],
    ["/provides/plinth.service/weather/descriptor", (title) => provide({ title })],
    ["/config", (description) => ({ ...good, config: { type: "object", properties: { a: { description } } } })],
    ["/config", (key) => ({ ...good, config: { type: "object", properties: { [key]: {} } } })],
    ["/defines/acme.weather.sky", (title) => defines({ title })],
  ];
  const hostile = [
    "\u001b[2J",
    "\u001b]0;x\u0007",
    "\u009b31m",
    "\r",
    "\b",
    "\u202e",
    "\u2066",
    "\u200f",
    "\u200b",
    "\ufeff",
    "\u{e0041}",
    "\u3164",
    "\ud800",
  ];
  it.each(places)("is refused at %s", (place, make) => {
    expect(() => parse(make("Fine, 東京 👩‍💻"))).not.toThrow();
    for (const one of hostile) expect(() => parse(make(`a${one}b`))).toThrow(`not valid at ${place}: it has control characters`);
  });

  it("may have lines where a model reads it, not in its title", () => {
    expect(() => parse(provide({ title: "one\ntwo\tthree" }))).not.toThrow();
    expect(() => parse({ ...good, title: "one\ntwo" })).toThrow("at /title");
  });
});

describe("a manifest", () => {
  it("is read when it fits", () => {
    expect(parse(good)).toEqual(good);
    expect(parse(defines({ hooks: { "acme.weather.rain": { mode: "gate", payload: {}, deadlineMs: 1, failure: "closed" } } })).defines).toHaveLength(
      1,
    );
  });

  it.each([
    ["an unknown key, with a suggestion", { ...good, titel: "x" }, '/titel: unknown key "titel"; did you mean "title"?'],
    ["an unknown key deep inside", { ...good, permissions: { nets: [] } }, '/permissions/nets: unknown key "nets"; did you mean "net"?'],
    ["a missing key", { ...good, engines: undefined }, 'at /: "engines" is missing'],
    ["a bad id", { ...good, id: "Weather" }, "at /id: must match pattern"],
    ["an id with two dots", { ...good, id: "acme.wea.ther" }, "at /id"],
    ["a version that is a range", { ...good, version: "^1.0.0" }, "at /version"],
    ["an unknown tier", { ...good, tiers: ["cloud"] }, "must be one of host, isolate, process"],
    [
      "an unknown key of a descriptor",
      { ...good, provides: [{ ...good.provides[0], descriptor: { title: "x", starts: "boot" } }] },
      '/provides/plinth.service/weather/descriptor/starts: unknown key "starts"; did you mean "start"?',
    ],
    ["a descriptor that does not fit", { ...good, provides: [{ ...good.provides[0], descriptor: {} }] }, '"title" is missing'],
    [
      "hooks without an entry",
      { ...good, provides: [], entry: undefined, hooks: [{ on: "generation.ready" }] },
      "at /hooks: an extension without an entry",
    ],
    ["a hook that is listed twice", { ...good, hooks: [{ on: "a.b" }, { on: "a.b" }] }, "at /hooks: a hook is listed twice"],
    ["a capability that is provided twice", { ...good, provides: [good.provides[0], good.provides[0]] }, "plinth.service/weather is provided twice"],
    ["a contract in another one's name", defines({ id: "other.sky" }), "the contract other.sky must start with acme.weather."],
    [
      "a hook in another one's name",
      defines({ hooks: { "generation.ready": { mode: "observe", payload: {}, deadlineMs: 1, failure: "open" } } }),
      "the hook generation.ready must start with acme.weather.",
    ],
    ["a network permission with a path", { ...good, permissions: { net: ["a.example/x"] } }, "at /permissions/net/0"],
    ["a policy that is loosened", { ...good, hooks: [{ on: "a.b", failure: "open" }] }, "at /hooks/0/failure"],
    ["what is not an object", "[]", "at /: must be object"],
    ["what is null", "null", "at /: must be object"],
    ["what is not JSON", "{ id: 1 }", "it is not JSON"],
    ["what is too large", `"${"x".repeat(600_000)}"`, "it is larger than 512 KiB"],
  ])("is refused for %s", (_what, value, message) => {
    let thrown: any;
    try {
      parse(value);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "PLINTH_MANIFEST_INVALID", next: expect.any(String) });
    expect(thrown.message).toContain(message);
  });

  it("names itself in its errors once its id is known", () => {
    expect(() => parse({ ...good, version: "x" })).toThrow(/^The manifest of acme\.weather/);
    expect(() => parse({})).toThrow(/^The manifest of the package/);
  });
});
