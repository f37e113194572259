import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createTestHost } from "@plinth/sdk/testing";
import { expect, it } from "vitest";
import extension from "./index.ts";
import { modernMessage } from "./modern-message.ts";
import manifest from "./plinth.json" with { type: "json" };
import { Process } from "./store.testing.ts";

const image = { type: "image", mimeType: "image/png", base64: "AAAA" };
const OLD = [
  { role: "user", text: "roll" },
  { role: "assistant", text: "I will.", toolCalls: [{ id: "c1", name: "dice", args: { sides: 6 } }] },
  { role: "tool", callId: "c1", name: "dice", content: [{ type: "text", text: "4" }, image], from: "acme.dice" },
  { role: "assistant", text: "4" },
];
const NEW = [
  { role: "user", content: [{ type: "text", text: "roll" }] },
  {
    role: "assistant",
    content: [
      { type: "text", text: "I will." },
      { type: "tool-call", id: "c1", name: "dice", args: { sides: 6 } },
    ],
  },
  { role: "tool", content: [{ type: "tool-result", callId: "c1", name: "dice", content: [{ type: "text", text: "4" }, image], from: "acme.dice" }] },
  { role: "assistant", content: [{ type: "text", text: "4" }] },
];

it("reads transcripts that were written before content was a list of parts, and goes on in them", async () => {
  const dir = mkdtempSync(join(tmpdir(), "plinth-sessions-"));
  try {
    const first = await Process.open({ dir });
    await first.append({ key: "a", bodies: OLD.map(() => ({ kind: "command" as const, command: "/x", answer: "y" })) });
    const { entries } = await first.history({ key: "a" });
    first.close();
    const db = new DatabaseSync(join(dir, "sessions.db"));
    db.exec("DROP TRIGGER entries_no_update");
    for (const [at, { id }] of entries.entries()) {
      db.prepare("UPDATE entries SET body = ? WHERE id = ?").run(JSON.stringify({ kind: "message", message: OLD[at] }), id);
    }
    // As a run that a crash of that time left open: with its call, without its result.
    db.prepare("UPDATE entries SET run = 'r1' WHERE id IN (?, ?)").run(entries[0]!.id, entries[1]!.id);
    db.prepare("UPDATE sessions SET head = ?, running = 'r1', expires = 1").run(entries[1]!.id);
    db.close();
    const store = await Process.open({ dir });
    const bodies = (await store.history({ key: "a" })).entries.map(({ body }) => body);
    expect(bodies).toMatchObject([
      { message: NEW[0] },
      { message: NEW[1] },
      { message: { role: "tool", content: [{ callId: "c1", isError: true }] } },
      { kind: "run-end", status: "interrupted" },
    ]);
    await store.setHead({ key: "a", head: entries.at(-1)!.id });
    const whole = (await store.history({ key: "a" })).entries.map(({ body }) => (body.kind === "message" ? body.message : body));
    expect(whole).toEqual(NEW);
    store.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

it("leaves today's messages as they are, and takes nothing damaged for a message", () => {
  for (const message of NEW) expect(modernMessage(message)).toBe(message);
  for (const damaged of [null, 7, {}, { role: "user" }, { role: "robot", content: [] }, { role: "tool", text: 1 }]) {
    expect(modernMessage(damaged)).toBeUndefined();
  }
  const large = { role: "tool", callId: "c", name: "t", content: [{ ...image, base64: "A".repeat(100_000) }] };
  expect(modernMessage(large)).toMatchObject({ content: [{ content: [{ type: "text", text: expect.stringContaining("too large") }] }] });
});

it("keeps from a third party what is opaque, and lets it forge none", async () => {
  let acme: any;
  const host = await createTestHost({
    extensions: [
      { manifest, extension },
      {
        manifest: {
          id: "acme.reader",
          version: "1.0.0",
          title: "Reader",
          description: "",
          engines: { plinth: "*" },
          entry: "./index.js",
          uses: [{ contract: "plinth.session-store", range: "^1" }],
        },
        extension: { activate: (ctx: any) => void (acme = ctx.use("plinth.session-store").one()) } as never,
      },
    ],
  });
  try {
    await host.activate("acme.reader");
    const store = host.use("plinth.session-store").one();
    const secret = { type: "reasoning" as const, text: "hm", opaque: { by: "plinth.models/big", data: "s3cret" } };
    await store.append({ key: "a", bodies: [{ kind: "message", message: { role: "assistant", content: [secret] } }] });
    await acme.append({ key: "a", bodies: [{ kind: "message", message: { role: "assistant", content: [secret], origin: { by: "owner" } } }] });
    const parts = (entries: any[]) => entries.map(({ body }) => body.message.content[0].opaque);
    expect(parts((await acme.history({ key: "a", opaque: true })).entries)).toEqual([undefined, { by: "acme.reader", data: "s3cret" }]);
    expect(parts((await store.history({ key: "a" })).entries)).toEqual([undefined, undefined]);
    expect(parts((await store.history({ key: "a", opaque: true })).entries)).toEqual([secret.opaque, { by: "acme.reader", data: "s3cret" }]);
  } finally {
    await host.close();
  }
});
