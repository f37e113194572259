import { appendFile, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Principal } from "@plinth/sdk";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import { Journal } from "./journal.ts";
import manifest from "./plinth.json" with { type: "json" };
import type { AuditRecord } from "./record.ts";

const owner: Principal = { role: "owner", via: "test" };
const hosts: TestHost[] = [];
async function start(config: object = {}): Promise<TestHost> {
  const host = await createTestHost({ extensions: [{ manifest, extension, config }] });
  hosts.push(host);
  return host;
}
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

const folder = (host: TestHost) => join(host.home, "state", "plinth.audit-log");
const record = (at: number, more: Partial<AuditRecord> = {}): AuditRecord => ({
  at,
  extension: "acme.tool",
  kind: "net",
  what: `GET https://api.example/${at}`,
  allowed: true,
  ...more,
});
const now = Date.now();
const keep = (host: TestHost, records: AuditRecord[], dropped = 0) => host.use("plinth.audit").one().record({ records, dropped });
const query = (host: TestHost, filter = {}) => host.as(owner, async () => (await host.use("plinth.audit").one().query(filter)).records);
const whats = async (host: TestHost, filter = {}) => (await query(host, filter)).map(({ what }) => what);

interface Shell {
  options?: Record<string, string | boolean>;
  json?: boolean;
  signal?: AbortSignal;
}
const shell = (host: TestHost, { options = {}, json = false, signal }: Shell = {}) => {
  const terminal = { cwd: "/", json, tty: true, columns: 80, color: false, local: true };
  return host.as(owner, () =>
    host
      .use("plinth.cli-command")
      .get("audit")
      .run({ args: {}, options, terminal }, signal ? { signal } : {}),
  );
};
async function printed(host: TestHost, options: Record<string, string | boolean> = {}): Promise<string> {
  let text = "";
  for await (const item of shell(host, { options })) if ("out" in item) text += item.out;
  return text;
}

describe("a query", () => {
  it("gives the newest first, over everything that was kept", async () => {
    const host = await start();
    await keep(host, [record(now - 3), record(now - 2)]);
    await keep(host, [record(now - 1, { why: "it is granted", work: "w1", principal: "owner via test" })]);
    expect((await query(host)).map(({ at }) => at)).toEqual([now - 1, now - 2, now - 3]);
    expect((await query(host, { limit: 1 }))[0]).toEqual(record(now - 1, { why: "it is granted", work: "w1", principal: "owner via test" }));
  });

  it("filters by extension, kind, refusal and time", async () => {
    const host = await start();
    await keep(host, [
      record(now - 4),
      record(now - 3, { extension: "acme.other" }),
      record(now - 2, { kind: "exec", allowed: false, code: "PLINTH_PERMISSION" }),
      record(now - 1, { allowed: false }),
    ]);
    const found = async (filter: object) => (await query(host, filter)).map(({ at }) => now - at);
    expect(await found({ extension: "acme.other" })).toEqual([3]);
    expect(await found({ kind: "exec" })).toEqual([2]);
    expect(await found({ denied: true })).toEqual([1, 2]);
    expect(await found({ denied: true, kind: "net" })).toEqual([1]);
    expect(await found({ since: now - 2 })).toEqual([1, 2]);
  });

  it("is answered to owners alone, and only the host may write", async () => {
    const host = await start();
    const refused = (work: () => Promise<unknown>) => expect(work()).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
    await refused(() => host.use("plinth.audit").one().query({}));
    await refused(() => host.as({ role: "guest", via: "test" }, () => host.use("plinth.gateway-method").get("audit.query").call({})));
    const forger = {
      manifest: {
        id: "acme.forger",
        version: "1.0.0",
        title: "Forger",
        description: "Writes what it likes.",
        engines: { plinth: "^0.1.0" },
        entry: "./index.js",
        tiers: ["host"],
        uses: [{ contract: "plinth.audit", range: "^1" }],
        provides: [{ contract: "plinth.gateway-method", version: "1.0.0", id: "forge", descriptor: { summary: "Forge", scope: "owner" } }],
      },
      extension: {
        activate(ctx: any) {
          ctx.provide("plinth.gateway-method", "forge", {
            call: () =>
              ctx
                .use("plinth.audit")
                .one()
                .record({ records: [record(now)], dropped: 0 }),
          });
        },
      },
    };
    const both = await createTestHost({ extensions: [{ manifest, extension }, forger as any] });
    hosts.push(both);
    const forged = both.as(owner, () => both.use("plinth.gateway-method").get("forge").call({}));
    await expect(forged).rejects.toMatchObject({ code: "PLINTH_PERMISSION", extension: "acme.forger" });
    expect(await query(both)).toEqual([]);
  });

  it("takes a client's parameters only as they are described", async () => {
    const host = await start();
    await keep(host, [record(now)]);
    const call = (params: unknown) => host.as(owner, () => host.use("plinth.gateway-method").get("audit.query").call(params));
    expect(await call({ kind: "net", limit: 5 })).toEqual({ records: [record(now)] });
    for (const params of [{ limit: 0 }, { limit: 99_999 }, { kind: "magic" }, { since: "yesterday" }, { path: "/etc" }, { constructor: 1 }])
      await expect(call(params)).rejects.toMatchObject({ code: "PLINTH_USAGE" });
  });
});

describe("what is missing", () => {
  it("is told where it is missing, whatever is asked for", async () => {
    const host = await start();
    await keep(host, [record(now - 2)]);
    await keep(host, [record(now - 1)], 42);
    expect(await whats(host)).toEqual([record(now - 1).what, expect.stringContaining("42 records were lost"), record(now - 2).what]);
    expect(await whats(host, { extension: "acme.none", denied: true })).toEqual([expect.stringContaining("42 records were lost")]);
  });

  it("a line that a crash cut off is skipped and told, and the next record is whole", async () => {
    const host = await start();
    await keep(host, [record(now - 2)]);
    const [file = ""] = await readdir(folder(host));
    await host.close();
    const again = await start();
    const dir = folder(again);
    await again.activate("plinth.audit-log");
    await writeFile(join(dir, file), `${JSON.stringify(record(now - 2))}\n{"at":${now - 1},"exten`);
    await keep(again, [record(now)]);
    expect(await whats(again)).toEqual([record(now).what, expect.stringContaining("unreadable"), record(now - 2).what]);
  });

  it("a line of any length spoils only itself", async () => {
    const host = await start();
    await keep(host, [record(now - 2)]);
    const file = join(folder(host), (await readdir(folder(host)))[0] as string);
    await appendFile(file, `${"x".repeat(300_000)}\n`);
    await keep(host, [record(now)]);
    expect(await whats(host)).toEqual([record(now).what, expect.stringContaining("unreadable"), record(now - 2).what]);
  });
});

describe("the files", () => {
  it("are the owner's alone, and hold a batch when record resolves", async () => {
    const host = await start();
    await keep(host, [record(now)]);
    const [name = ""] = await readdir(folder(host));
    const { mode } = await stat(join(folder(host), name));
    expect(mode & 0o077).toBe(0);
    expect(JSON.parse(await readFile(join(folder(host), name), "utf8"))).toEqual(record(now));
  });

  it("never exceed their size, lose only the oldest records, and none between two files", async () => {
    const host = await start({ maxMb: 1 });
    const what = "x".repeat(900);
    let at = now - 100_000;
    for (let batch = 0; batch < 16; batch++)
      await keep(
        host,
        Array.from({ length: 100 }, () => record(at++, { what: `${at}${what}` })),
      );
    const names = await readdir(folder(host));
    expect(names.length).toBeGreaterThan(2);
    let total = 0;
    for (const name of names) total += (await stat(join(folder(host), name))).size;
    expect(total).toBeLessThanOrEqual(1_048_576);
    const found = await query(host, { limit: 10_000 });
    expect(found.length).toBeGreaterThan(700);
    expect(found.map((one) => one.at)).toEqual(Array.from({ length: found.length }, (_, index) => at - 1 - index));
  });

  it("keep what owners decided apart: refusals beyond every bound push out none of it", async () => {
    const host = await start({ maxMb: 1, maxDays: 1 });
    await keep(host, [record(now - 5 * 86_400_000, { kind: "grant", what: "consent to 1.0.0" })]);
    for (let batch = 0; batch < 12; batch++)
      await keep(
        host,
        Array.from({ length: 100 }, (_, at) => record(now + at, { what: "x".repeat(950), allowed: false })),
      );
    expect(await whats(host, { kind: "grant" })).toEqual(["consent to 1.0.0"]);
    expect(await whats(host, { extension: "acme.tool", limit: 10_000 })).toContain("consent to 1.0.0");
  });

  it("take no refusal for an owner's decision, whatever kind it says that it is", async () => {
    const host = await start({ maxDays: 1 });
    await keep(host, [record(now - 2 * 86_400_000, { kind: "admin", what: "refused", allowed: false }), record(now)]);
    expect(await whats(host)).toEqual([record(now).what]);
  });

  it("lose what is too old, also from answers", async () => {
    const host = await start({ maxDays: 1 });
    await keep(host, [record(now - 2 * 86_400_000), record(now)]);
    expect(await whats(host)).toEqual([record(now).what]);
  });

  it("take appends of two processes at once", async () => {
    const host = await start();
    await host.activate("plinth.audit-log");
    const journals = [0, 1].map(() => new Journal(folder(host), { maxMb: 1, maxDays: 1 }, () => Date.now()));
    await Promise.all(journals.flatMap((journal) => Array.from({ length: 50 }, (_, at) => journal.append([record(now + at)], 0))));
    for (const journal of journals) await journal.close();
    const found = await query(host, { limit: 1_000 });
    expect(found).toHaveLength(100);
    expect(found.every(({ kind }) => kind === "net")).toBe(true);
  });

  it("may be removed while it runs: the next batch begins a new one", async () => {
    const host = await start();
    await keep(host, [record(now - 1)]);
    const { rm } = await import("node:fs/promises");
    await rm(folder(host), { recursive: true });
    await import("node:fs/promises").then(({ mkdir }) => mkdir(folder(host)));
    await keep(host, [record(now)]);
    expect(await whats(host)).toEqual([record(now).what]);
  });
});

describe("plinth audit", () => {
  it("prints a block for each record within 80 columns, and where something is missing", async () => {
    const host = await start();
    const why = "the host is not among those that were granted to it, and nobody consented to more than these";
    await keep(host, [record(now - 1, { allowed: false, code: "PLINTH_PERMISSION", why, principal: "owner via gateway-token", work: "w7" })], 3);
    const text = await printed(host);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    const flat = text.replace(/\s+/g, " ");
    expect(flat).toContain(`refused acme.tool net GET https://api.example/${now - 1} PLINTH_PERMISSION: ${why}; owner via gateway-token, work w7`);
    expect(flat).toContain("(3 records were lost before this");
  });

  it("lets nothing that an extension chose steer the terminal", async () => {
    const host = await start();
    await keep(host, [record(now, { what: "GET\u001b[2J\n\u202Eevil", extension: "acme.\u001b[31mx", why: "\u009b0m" })]);
    expect(await printed(host)).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
  });

  it("understands how long ago, and says what is wrong with what it does not understand", async () => {
    const host = await start();
    await keep(host, [record(Date.now() - 7_200_000, { what: "two hours ago" }), record(Date.now(), { what: "just now" })]);
    expect(await printed(host, { since: "1h" })).not.toContain("two hours ago");
    expect(await printed(host, { since: "1d" })).toContain("two hours ago");
    expect(await printed(host, { since: new Date(Date.now() - 3_600_000).toISOString() })).not.toContain("two hours ago");
    expect(await printed(host, { kind: "store" })).toContain("policy.audit");
    const wrong: Record<string, string>[] = [{ since: "soon" }, { limit: "0" }, { limit: "1e9" }, { kind: "magic" }];
    for (const options of wrong) await expect(printed(host, options)).rejects.toMatchObject({ code: "PLINTH_USAGE", next: expect.any(String) });
  });

  it("--follow goes on with what fits, each once, until it is stopped", async () => {
    const host = await start();
    await keep(host, [record(now - 2, { what: "one" }), record(now - 1, { what: "two" })]);
    const stop = new AbortController();
    const seen: string[] = [];
    const items = shell(host, { options: { follow: true, kind: "net" }, json: true, signal: stop.signal });
    await expect(
      (async () => {
        for await (const item of items) {
          seen.push(((item as { result: AuditRecord }).result as AuditRecord).what);
          if (seen.length === 2) await keep(host, [record(now, { kind: "exec", what: "other" }), record(now, { what: "three" })]);
          if (seen.length === 3) stop.abort();
        }
      })().catch((thrown) => {
        if (!stop.signal.aborted) throw thrown;
      }),
    ).resolves.toBeUndefined();
    expect(seen).toEqual(["one", "two", "three"]);
  });
});
