import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { isOver } from "./task.ts";
import { openLedger, PRODUCT } from "./tasks.testing.ts";

/** Begins, runs and ends tasks side by side until it is killed, and prints each fact once the ledger has confirmed it. */
const runner = (dir: string, name: string) => `
import { openLedger, PRODUCT } from ${JSON.stringify(new URL("./tasks.testing.ts", import.meta.url).href)};
const ledger = await openLedger(${JSON.stringify(dir)});
await Promise.all(Array.from({ length: 5 }, async (_, lane) => {
  for (let n = 0; ; n++) {
    const id = ${JSON.stringify(name)} + lane + "-" + n;
    await ledger.create({ id, kind: "test", title: "T", deliverTo: "main" }, PRODUCT);
    console.log("begun " + id);
    if (n % 7 === 6) continue;
    const { fence, task } = await ledger.claim({ id, ttlMs: 60_000 }, PRODUCT);
    const { task: running } = await ledger.update({ id, fence, revision: task.revision, status: "running" }, PRODUCT);
    await new Promise((resolve) => setImmediate(resolve));
    await ledger.update({ id, fence, revision: running.revision, status: n % 2 ? "failed" : "done" }, PRODUCT);
    console.log((n % 2 ? "failed " : "done ") + id);
    await ledger.delivered({ id, status: "sent" }, PRODUCT);
    console.log("sent " + id);
  }
}));`;

it("knows of each task what became of it when the processes that ran them are killed", async () => {
  const dir = mkdtempSync(join(tmpdir(), "plinth-tasks-"));
  try {
    (await openLedger(dir)).close();
    const said = (await Promise.all([runAndKill(dir, "a", 60), runAndKill(dir, "b", 90)])).flat();
    const facts = new Map<string, Set<string>>();
    for (const [what, id] of said.map((line) => line.split(" ") as [string, string])) facts.set(id, (facts.get(id) ?? new Set()).add(what));

    // Six minutes later nothing is held by whoever is dead.
    const ledger = await openLedger(dir, () => Date.now() + 360_000);
    const first = await Promise.all([...facts.keys()].map((id) => ledger.get({ id }, PRODUCT)));
    for (const { task } of first) {
      const known = facts.get(task.id) as Set<string>;
      expect(isOver(task.status), task.id).toBe(true);
      if (known.has("done") || known.has("failed")) expect(known.has(task.status), task.id).toBe(true);
      if (known.has("sent")) expect(task.delivery?.status).toBe("sent");
    }
    expect(first.some(({ task }) => task.status === "lost")).toBe(true);
    for (const { task } of first) await ledger.cancel({ id: task.id }, PRODUCT);
    expect(await Promise.all([...facts.keys()].map((id) => ledger.get({ id }, PRODUCT)))).toEqual(first);
    ledger.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 60_000);

/** Run it in a process of its own, and kill that without warning once it has confirmed enough. */
async function runAndKill(dir: string, name: string, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, ["--conditions=development", "--input-type=module", "-e", runner(dir, name)], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: new URL(".", import.meta.url),
  });
  const confirmed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    confirmed.push(line);
    if (confirmed.length === lines) child.kill("SIGKILL");
  }
  return confirmed;
}
