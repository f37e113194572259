import { PlinthError } from "@plinth/sdk";
import { createTestHost } from "@plinth/sdk/testing";
import { expect, it } from "vitest";
import extension from "../index.ts";
import type { Terminal } from "../line.ts";
import manifest from "../plinth.json" with { type: "json" };

const one = (name: string, more: object) => ({ id: `openai:${name}`, vendor: "openai", kind: "key", usable: true, reason: "ok", ...more });
const until = Date.UTC(2026, 10, 30, 10, 31);
const CREDENTIALS = [
  one("vault", { from: "program pass", untried: true }),
  one("KEY", { from: "secret KEY", usedAt: until - 60_000 }),
  one("tired", {
    from: "secret TIRED",
    usable: false,
    reason: "cooldown",
    until,
    title: "The one of the whole department, for emergencies",
    usedAt: until,
  }),
  one("wrong", { from: "secret WRONG", usable: false, reason: "disabled", until }),
  one("gone", { from: "keyring account openai", usable: false, reason: "unresolved" }),
  one("signed", { kind: "oauth", from: "signed in here", usable: false, reason: "sign-in" }),
];

const REFUSED = "this key was taken away a week ago by whoever looks after them";

/** What a command says on a terminal of 80 columns. */
async function said(...argv: string[]): Promise<string> {
  await using host = await createTestHost({
    extensions: [{ manifest, extension }],
    provide: [
      { contract: "plinth.credentials", descriptor: { title: "Scripted" }, provider: { list: () => ({ credentials: CREDENTIALS }) } as never },
      {
        contract: "plinth.models",
        descriptor: { title: "Scripted" },
        provider: {
          sources: (input: { for?: string }) => ({
            sources: [
              ...(input.for === undefined ? [{ id: "openai", title: "OpenAI", extension: "plinth.openai", priority: 1, trusted: true }] : []),
              ...(input.for === "plinth.rerank" ? [{ id: "jina", title: "Jina", extension: "plinth.jina", priority: 2, trusted: true }] : []),
            ],
          }),
          status: ({ provider }: { provider: string }) =>
            provider === "openai" ? { ready: true, configured: true } : { ready: false, configured: true, reason: "JINA_API_KEY is not set." },
          stream: () => ({
            [Symbol.asyncIterator]: () => ({
              next: async () => Promise.reject(new PlinthError("PLINTH_MODEL_AUTH", `OpenAI answered 401: ${REFUSED}`)),
            }),
          }),
        } as never,
      },
      {
        contract: "plinth.rerank",
        id: "models",
        descriptor: { title: "All" },
        provider: { models: () => ({ models: [{ id: "jina/jina-reranker-v3" }, { id: "other/reranker" }] }) } as never,
      },
    ],
  });
  const terminal: Terminal = { cwd: "/", json: false, tty: false, columns: 80, color: false, local: true };
  return await host.as({ role: "owner", via: "test" }, async () => {
    let out = "";
    for await (const item of host.use("plinth.entry").one().main({ argv, terminal })) if ("out" in item) out += item.out;
    return out;
  });
}

it("models status says on 80 columns what has to be done, and until when, before anything else", async () => {
  const out = await said("models", "status");
  for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  expect(out).toMatch(/^openai +openai:vault +not tried$/m);
  expect(out).toMatch(/^ +openai:KEY +ready$/m);
  expect(out).toMatch(/^ +openai:tired +cooldown +until 2026-11-30 10:31: it rests/m);
  expect(out).toMatch(/^ +openai:gone +unresolved +the keyring account openai gives nothing$/m);
  expect(out).toMatch(/^ +openai:signed +sign-in +plinth models auth login openai$/m);
  expect(out, "who has models for other purposes alone is there too").toMatch(/^jina +openai:vault/m);
});

it("models auth list does not call ready what was never tried", async () => {
  const out = await said("models", "auth", "list");
  for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  expect(out).toMatch(/openai:vault +key +program pass +not tried$/m);
  expect(out).toMatch(/openai:tired +key +secret TIRED +cooldown +until 2026/m);
  expect(out, "why comes before until when").toMatch(/openai:wrong +key +secret WRONG +disabled +refused, until/m);
});

it("models status --probe says in full what a narrow table cuts of a failure", async () => {
  expect((await said("models", "status", "openai", "--probe")).replaceAll("\n", " ")).toContain(`openai:vault: OpenAI answered 401: ${REFUSED}`);
});

it("models PROVIDER shows what one has that does not talk", async () => {
  const out = await said("models", "jina");
  expect(out).toMatch(/^rerank$/m);
  expect(out).toContain("JINA_API_KEY is not set.");
  expect(out).toContain("jina/jina-reranker-v3");
  expect(out).not.toContain("other/reranker");
});
