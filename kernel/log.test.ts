import { maskValue } from "@plinth/manifests/redact.ts";
import { describe, expect, it } from "vitest";
import { Logs } from "./log.ts";
import { runWork, Work } from "./work.ts";

function logs(): { logs: Logs; lines: () => Record<string, unknown>[]; text: () => string } {
  let text = "";
  return {
    logs: new Logs("debug", { write: (chunk: string) => void (text += chunk) }),
    lines: () =>
      text
        .split("\n")
        .filter((one) => one !== "")
        .map((one) => JSON.parse(one)),
    text: () => text,
  };
}

const KEY = "abcdEFGH1234567890abcdEFGH1234567890";
const secrets: [string, string, string][] = [
  ["a key of an API", `sk-${KEY}`, `sk-${KEY}`],
  ["a key of a project", `sk-proj-${KEY}`, KEY],
  ["a bot's token", `xoxb-123456789-${KEY}`, KEY],
  ["a personal token", `ghp_${KEY}`, KEY],
  ["a cloud key", "AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"],
  ["a maps key", `AIza${KEY}`, KEY],
  ["a signed token", `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.${KEY}`, KEY],
  ["a bearer header in a sentence", `sent with Authorization: Bearer ${KEY}, twice`, KEY],
  ["a private key", `-----BEGIN PRIVATE KEY-----\n${KEY}\n-----END PRIVATE KEY-----`, KEY],
  ["a private key of a kind", `-----BEGIN RSA PRIVATE KEY-----\n${KEY}\n-----END RSA PRIVATE KEY-----`, KEY],
  ["a private key that is cut off", `-----BEGIN PRIVATE KEY-----\n${KEY}\nand no end`, KEY],
  ["a basic header", `Authorization: Basic ${KEY}`, KEY],
  ["a password in an address", `postgres://user:${KEY}@db.example/x`, KEY],
  ["a token in a query", `GET https://a.example/x?page=2&access_token=${KEY}&y=1`, KEY],
  ["a key in a query", `https://a.example/x?api_key=${KEY}`, KEY],
];
const fields: [string, Record<string, unknown>][] = [
  ["authorization", { headers: { Authorization: KEY } }],
  ["cookie", { headers: { "set-cookie": [KEY] } }],
  ["password", { password: KEY }],
  ["an API key", { "api-key": KEY, apiKey: KEY, api_key: KEY }],
  ["a key header", { headers: { "x-api-key": KEY } }],
  ["an access token", { accessToken: KEY, access_token: KEY, refreshToken: KEY }],
  ["a client's secret", { client_secret: KEY, clientSecret: KEY }],
];

describe("the log", () => {
  it.each(secrets)("never shows %s, in its message or in its fields", (_what, text, secret) => {
    const { logs: log, text: written } = logs();
    log.of("acme.x").info(text);
    log.of("acme.x").info("see fields", { deep: { list: [text] } });
    expect(written()).not.toContain(secret);
    expect(written().match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(2);
  });

  it.each(fields)("never shows the value of a field that holds %s", (_what, value) => {
    const { logs: log, text } = logs();
    log.of("acme.x").warn("look", value);
    expect(text()).not.toContain(KEY);
  });

  it("never shows a value that was resolved as a secret, whatever it looks like", () => {
    maskValue("plain words as a secret");
    const { logs: log, text } = logs();
    log.of("acme.x").error("it is plain words as a secret!", { note: "plain words as a secret" });
    expect(text()).not.toContain("plain words as a secret");
  });

  it("leaves ordinary words alone", () => {
    const { logs: log, lines } = logs();
    log.of("acme.x").info("the token count is 5, see https://a.example/x?page=2", { tokens: 5, secretary: "Ann", sessionKey: "main" });
    expect(lines()[0]).toMatchObject({
      message: "the token count is 5, see https://a.example/x?page=2",
      tokens: 5,
      secretary: "Ann",
      sessionKey: "main",
    });
  });

  it("says on every line whose it is and which work it belongs to; fields cannot say otherwise", () => {
    const { logs: log, lines } = logs();
    const write = () => log.of("acme.x").info("hello", { extension: "plinth.gateway", work: "w9", generation: 99, more: 1 });
    write();
    runWork(new Work("w1", { role: "owner", via: "test" }, null), write);
    expect(lines()[0]).toMatchObject({ extension: "acme.x", more: 1 });
    expect(lines()[1]).toMatchObject({ extension: "acme.x", work: "w1", generation: 0, level: "info", message: "hello" });
  });

  it("cannot be made to lie about its level, time or message by fields of these names", () => {
    const { logs: log, lines } = logs();
    log.of("acme.x").warn("the truth", { level: "debug", time: 0, message: "a lie" });
    expect(lines()[0]).toMatchObject({ level: "warn", message: "the truth" });
    expect(lines()[0]?.time).not.toBe(0);
  });

  it("is one line each, and bounded, whatever is logged", () => {
    const { logs: log, lines, text } = logs();
    const circle: Record<string, unknown> = { line: "a\nb" };
    circle.self = circle;
    log.of("acme.x").info(`two\nlines ${"x".repeat(100_000)}`, { circle, many: Array.from({ length: 1_000 }, (_, n) => n), big: 5n });
    expect(lines()).toHaveLength(1);
    expect(text().length).toBeLessThan(20_000);
  });

  it("is silent below its level", () => {
    let text = "";
    new Logs("error", { write: (chunk: string) => void (text += chunk) }).of("acme.x").warn("nothing");
    expect(text).toBe("");
  });
});
