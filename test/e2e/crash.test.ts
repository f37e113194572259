import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, it } from "vitest";
import { cleanUp, connect, newHome, say, scriptedModel, sleep, sse, startGateway } from "./lab.ts";

afterEach(cleanUp);

const ROUNDS = 20;

it(`kill -9 in the middle of a turn, ${ROUNDS} times: every transcript is well-formed and says what was interrupted`, async () => {
  const home = await newHome();
  let finishing = false;
  // Alternates between a tool call followed by silence, and half an answer followed by silence.
  const { env } = await scriptedModel(async (body, _request, response) => {
    const last = body.messages.at(-1);
    // What was accepted and had no turn before the last crash has it now.
    if (finishing) return say(response, "finished");
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
  finishing = true;
  const gateway = await startGateway(home, env);
  const client = await connect(gateway);
  let interrupted = 0;
  for (let index = 0; index < 5; index++) {
    // Nobody asks whether the dead host lives: its last runs are ended at the first look after their claims have expired.
    const history = async (): Promise<any[]> => (await client.request("chat.history", { sessionKey: `crash-${index}`, limit: 1_000 })).entries;
    await expect
      .poll(
        async () => {
          const busy = (await client.request("sessions.list", {})).sessions.filter((one: any) => one.running || one.waiting).length;
          return [busy, unended(await history()).length];
        },
        { timeout: 60_000 },
      )
      .toEqual([0, 0]);
    const entries = await history();
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

it("kill -9 between a message's acceptance and its turn: the turn runs after the restart, once, with nobody asking for it", async () => {
  const home = await newHome();
  const asked: string[] = [];
  let hanging = true;
  const { env } = await scriptedModel(async (body, _request, response) => {
    const { content } = body.messages.at(-1);
    asked.push(content);
    if (hanging) sse.head(response).write(sse.chunk({ content: "half an ans" }));
    else say(response, `answer to ${content}`);
  });
  const gateway = await startGateway(home, env);
  const client = await connect(gateway);
  const events: string[] = [];
  const lost = [client.request("chat.send", { text: "hang", sessionKey: "s", runId: "r1" }, (event) => events.push(event.type)).catch(() => {})];
  await expect.poll(() => events.includes("text"), { timeout: 20_000 }).toBe(true);
  const accepted: string[] = [];
  for (const n of [2, 3]) {
    lost.push(
      client.request("chat.send", { text: `wait ${n}`, sessionKey: "s", runId: `r${n}` }, (event) => accepted.push(event.type)).catch(() => {}),
    );
  }
  await expect.poll(() => accepted, { timeout: 20_000 }).toEqual(["start", "start"]);
  process.kill(gateway.pid, "SIGKILL");
  await Promise.all(lost);
  hanging = false;

  const again = await startGateway(home, env);
  const file = () => {
    const db = new DatabaseSync(join(home, "state/plinth.sessions/sessions.db"), { readOnly: true });
    const rows = db.prepare("SELECT run, json_extract(body, '$.status') AS status FROM entries WHERE run_end = 1 ORDER BY seq").all();
    db.close();
    return rows.map(({ run, status }) => `${run} ${status}`);
  };
  // Nobody connects: the next host finds them by itself.
  await expect.poll(file, { timeout: 40_000 }).toEqual(["r1 interrupted", "r2 ok", "r3 ok"]);
  expect(asked).toEqual(["hang", "wait 2", "wait 3"]);
  const late = await connect(again);
  const told: any[] = [];
  await late.request("chat.send", { text: "wait 2", sessionKey: "s", runId: "r2" }, (event) => told.push(event));
  expect(told.at(-1)).toMatchObject({ type: "end", status: "ok", text: "answer to wait 2" });
  expect(asked).toHaveLength(3);
  const { entries } = await late.request("chat.history", { sessionKey: "s", limit: 100 });
  wellFormed(entries);
  expect(entries.filter((one: any) => one.runId === "r3").map((one: any) => one.origin?.by)).toEqual(["owner", "owner", "owner"]);
  await again.stop();
}, 120_000);

/** The runs that have begun and not ended. */
function unended(entries: any[]): string[] {
  const ended = new Set(entries.flatMap(({ body, runId }) => (body.kind === "run-end" ? [runId] : [])));
  return entries.flatMap(({ body, runId }) => (body.kind === "message" && body.message.role === "user" && !ended.has(runId) ? [runId] : []));
}

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
