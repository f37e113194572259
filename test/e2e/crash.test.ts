import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, it } from "vitest";
import { cleanUp, connect, newHome, say, scriptedModel, sleep, sse, startGateway } from "./lab.ts";

afterEach(cleanUp);

const ROUNDS = 20;

it(`kill -9 in the middle of a turn, ${ROUNDS} times: every transcript is well-formed and says what was interrupted`, async () => {
  const home = await newHome();
  // Alternates between a tool call followed by silence, and half an answer followed by silence.
  const { env } = await scriptedModel(async (body, _request, response) => {
    const last = body.messages.at(-1);
    if (last.role === "user" && last.content.includes("finish")) return say(response, "finished");
    if (last.role === "tool") {
      sse.head(response).write(sse.chunk({ content: "after the tool" }));
      return;
    }
    if (last.content.includes("tool")) return void sse.head(response).end(sse.call("call-1", "read", { path: "README.md" }) + sse.done);
    sse.head(response).write(sse.chunk({ content: "half an ans" }));
  });
  for (let round = 0; round < ROUNDS; round++) {
    const gateway = await startGateway(home, env);
    const client = await connect(gateway);
    const seen: string[] = [];
    const turn = client
      .request("chat.send", { text: round % 2 === 0 ? "use a tool" : "talk", sessionKey: `crash-${round % 5}` }, (event) => seen.push(event.type))
      .catch(() => {});
    // Different moments of the turn, from just accepted to deep inside.
    if (round % 4 === 0) await sleep(5 + round);
    else for (let wait = 0; wait < 200 && !seen.includes("text") && !seen.includes("tool-end"); wait++) await sleep(10);
    process.kill(gateway.pid, "SIGKILL");
    await turn;
  }
  const gateway = await startGateway(home, env);
  const client = await connect(gateway);
  let interrupted = 0;
  for (let index = 0; index < 5; index++) {
    // Nobody asks whether the dead host lives: its last runs end when their claims expire.
    await expect
      .poll(async () => (await client.request("sessions.list", {})).sessions.filter((one: any) => one.running).length, { timeout: 30_000 })
      .toBe(0);
    const { entries } = await client.request("chat.history", { sessionKey: `crash-${index}`, limit: 1_000 });
    interrupted += wellFormed(entries);
    const events = await client.turn("please finish", `crash-${index}`);
    expect(events.at(-1)).toMatchObject({ type: "end", status: "ok", text: "finished" });
    wellFormed((await client.request("chat.history", { sessionKey: `crash-${index}`, limit: 1_000 })).entries);
  }
  expect(interrupted).toBeGreaterThanOrEqual(ROUNDS / 2);
  await gateway.stop();
  const db = new DatabaseSync(join(home, "state/plinth.sessions/sessions.db"), { readOnly: true });
  expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  db.close();
}, 180_000);

/** Parent chain unbroken, each tool call exactly one result, each run closed; returns how many were interrupted. */
function wellFormed(entries: any[]): number {
  let interrupted = 0;
  const open = new Set<string>();
  const runs = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    if (index > 0) expect(entry.parent).toBe(entries[index - 1].id);
    const { body } = entry;
    if (body.kind === "message" && body.message.role === "user") runs.add(entry.runId);
    for (const part of body.kind === "message" ? body.message.content : []) {
      if (part.type === "tool-call") open.add(`${entry.runId} ${part.id}`);
      if (part.type === "tool-result") expect(open.delete(`${entry.runId} ${part.callId}`)).toBe(true);
    }
    if (body.kind === "run-end") {
      expect(runs.delete(entry.runId)).toBe(true);
      expect([...open].filter((one) => one.startsWith(`${entry.runId} `))).toEqual([]);
      if (body.status === "interrupted") interrupted++;
    }
  }
  expect([...runs]).toEqual([]);
  return interrupted;
}
