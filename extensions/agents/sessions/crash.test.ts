import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { toolCallsOf, toolResultsOf } from "@plinth/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Process } from "./store.testing.ts";

/** Writes runs with tool calls until it is killed, and prints each fact once the store has confirmed it. */
const writer = (dir: string) => `
import { Process } from ${JSON.stringify(new URL("./store.testing.ts", import.meta.url).href)};
const store = await Process.open({ dir: ${JSON.stringify(dir)} });
for (let n = 0; ; n++) {
  const key = "s" + (n % 3), runId = "r" + n;
  await store.beginRun({ key, runId, message: { role: "user", content: [{ type: "text", text: "message " + n }] } });
  console.log("begun " + n);
  const content = [{ type: "tool-call", id: "c" + n, name: "read", args: {} }, { type: "tool-call", id: "d" + n, name: "read", args: {} }];
  await store.append({ key, runId, bodies: [{ kind: "message", message: { role: "assistant", content } }] });
  await store.append({ key, runId, bodies: [{ kind: "message", message: { role: "tool", content: [{ type: "tool-result", callId: "c" + n, name: "read", content: [] }] } }] });
  if (n % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
  await store.endRun({ key, runId, status: "ok" });
  console.log("ended " + n);
}`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "plinth-sessions-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it.each([40, 75, 130])("loses nothing that was confirmed when its process is killed after %i confirmations", async (lines) => {
  const confirmed = await writeAndKill(lines);
  const begun = confirmed.filter((line) => line.startsWith("begun")).map((line) => Number(line.split(" ")[1]));
  const ended = new Set(confirmed.filter((line) => line.startsWith("ended")).map((line) => Number(line.split(" ")[1])));

  // Its claims have expired by then, so that nobody has to know whether it lives.
  const store = await Process.open({ dir, now: () => Date.now() + 10_000 });
  const { sessions } = await store.list({});
  expect(sessions.filter(({ running }) => running !== undefined)).toEqual([]);
  const histories = await Promise.all(sessions.map(({ key }) => store.history({ key, limit: 10_000 })));
  store.close();

  const entries = histories.flatMap((history) => history.entries);
  for (const n of begun) {
    const run = entries.filter(({ runId }) => runId === `r${n}`).map(({ body }) => body);
    expect(run[0], `run ${n}`).toEqual({ kind: "message", message: { role: "user", content: [{ type: "text", text: `message ${n}` }] } });
    const end = run.at(-1);
    expect(end).toMatchObject({ kind: "run-end" });
    if (ended.has(n)) expect(end).toMatchObject({ status: "ok" });
    const called = run.flatMap((body) => (body.kind === "message" ? toolCallsOf(body.message.content) : []));
    const answered = run.flatMap((body) => (body.kind === "message" ? toolResultsOf(body.message.content).map(({ callId }) => callId) : []));
    expect(answered.sort()).toEqual(called.map(({ id }) => id).sort());
  }
  for (const { entries: chain } of histories) {
    expect(chain.map(({ parent }) => parent)).toEqual([null, ...chain.slice(0, -1).map(({ id }) => id)]);
  }
});

/** Run the writer in a process of its own, kill it without warning once it has confirmed enough. */
async function writeAndKill(lines: number): Promise<string[]> {
  const child = spawn(process.execPath, ["--conditions=development", "--input-type=module", "-e", writer(dir)], {
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
