import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { openRecord } from "./database.ts";
import { totals } from "./totals.ts";

const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);

/** Writes calls down until it is killed, and says each step once it is confirmed. */
const writer = (dir: string): string => `
import { openRecord } from ${module("./database.ts")};
import { Ledger } from ${module("./ledger.ts")};
const ledger = new Ledger(await openRecord(${JSON.stringify(dir)}), Date.now, { keepDays: 400, keepCalls: 200_000 });
for (let n = 0; ; n++) {
  await ledger.begin("c" + n, { run: "r" + n, session: "s", agent: "main", extension: "plinth.native" }, { provider: "p", model: "m", inputTokens: 5 });
  console.log("begun");
  await ledger.end("c" + n, "ok", { inputTokens: 10, outputTokens: 1 });
  console.log("ended");
  await new Promise((resolve) => setImmediate(resolve));
}`;

it("loses no call that was admitted when its process is killed; one on its way is not known", async () => {
  const dir = mkdtempSync(join(tmpdir(), "plinth-usage-"));
  try {
    const child = spawn(process.execPath, ["--input-type=module", "-e", writer(dir)], { stdio: ["ignore", "pipe", "inherit"] });
    const counts: Record<string, number> = { begun: 0, ended: 0 };
    for await (const line of createInterface({ input: child.stdout })) {
      counts[line] = (counts[line] ?? 0) + 1;
      if (counts.begun === 60) child.kill("SIGKILL");
    }
    const db = await openRecord(dir);
    const { total } = await totals(db, { by: "all" });
    db.close();
    expect(total.calls).toBeGreaterThanOrEqual(counts.begun as number);
    expect(total.calls - total.unknown).toBeGreaterThanOrEqual(counts.ended as number);
    expect(total.unknown).toBeLessThanOrEqual(1);
    expect(total.inputTokens).toBe(10 * (total.calls - total.unknown));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
