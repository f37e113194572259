import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type Client, cleanUp, connect, newHome, say, scriptedModel, startGateway } from "./lab.ts";

afterEach(cleanUp);

/** What one plain turn costs: calls of each extension, and transactions of the transcripts' file. One more is a decision: every turn pays for it. */
const COST = {
  "plinth.runs": 1,
  "plinth.router": 1,
  // The claim with the message, the history, the end with the answer.
  "plinth.sessions": 3,
  commits: 2,
  "plinth.native": 1,
  "plinth.tools": 1,
  "plinth.models": 1,
  // Before the model is asked, and after: what it takes is on record, and no limit is passed.
  "plinth.usage": 2,
  "plinth.credentials": 1,
  "plinth.api-openai-chat": 1,
  "plinth.secrets": 2,
  "plinth.egress": 1,
};

it("a plain turn is two transactions, a call or two of each part, and no new connection to its model", async () => {
  const ports = new Set<number | undefined>();
  const model = await scriptedModel((_, request, response) => {
    ports.add(request.socket.remotePort);
    say(response, "Hello.");
  });
  const home = await newHome();
  const client = await connect(await startGateway(home, model.env));
  await client.turn("hello");
  ports.clear();
  const least: Record<string, number> = {};
  let before = await counted(client, home);
  // What comes with time and not with turns, such as a claim that is renewed, is not in each of them.
  for (let turn = 0; turn < 5; turn++) {
    expect((await client.turn("hello")).at(-1)).toMatchObject({ type: "end", status: "ok" });
    const after = await counted(client, home);
    for (const [what, count] of Object.entries(after)) least[what] = Math.min(least[what] ?? count, count - (before[what] ?? 0));
    before = after;
  }
  // Asking for the counts is counted as well.
  delete least["plinth.inspector"];
  expect(Object.fromEntries(Object.entries(least).filter(([, count]) => count > 0))).toEqual(COST);
  expect(ports.size).toBe(1);
});

async function counted(client: Client, home: string): Promise<Record<string, number>> {
  const { extensions } = await client.request("host.usage");
  const calls = extensions.map(({ id, counts }: { id: string; counts: { calls: number } }) => [id, counts.calls]);
  return { ...Object.fromEntries(calls), commits: await commitsOf(join(home, "state/plinth.sessions/sessions.db-wal")) };
}

/** Transactions in a log of SQLite's: the last frame of each says how large the file is after it. */
async function commitsOf(file: string): Promise<number> {
  const log = await readFile(file);
  const frame = 24 + log.readUInt32BE(8);
  let commits = 0;
  for (let at = 32; at + frame <= log.length; at += frame) if (log.readUInt32BE(at + 4) > 0) commits++;
  return commits;
}
