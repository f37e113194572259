import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { cleanUp, newHome, plinth } from "./lab.ts";

afterEach(cleanUp);

it("what was chosen for a conversation holds in the next process, for that one alone; a fork takes it over, and a deletion ends it", async () => {
  const home = await newHome();
  const said = async (session: string, text: string) => (await plinth(home, ["agent", "-s", session, "-m", text])).stdout;
  const asks = async (session: string) => [await said(session, "/model"), await said(session, "/queue")].join("\n");
  const unchosen = await asks("two");
  await said("one", "/model offline/offline");
  await said("one", "/queue interrupt");
  await said("one", "hello");
  const chosen = await asks("one");
  expect(chosen).not.toBe(unchosen);
  expect(await asks("two")).toBe(unchosen);
  expect((await plinth(home, ["sessions", "fork", "one", "--to", "branch"])).code).toBe(0);
  expect(await asks("branch")).toBe(chosen);
  expect((await plinth(home, ["sessions", "delete", "--yes", "one"])).code).toBe(0);
  expect(await asks("one")).toBe(unchosen);
});

it("a conversation ends by itself where the configuration says so, and goes on below a boundary; the transcript has all of it", async () => {
  const home = await newHome();
  const config = { extensions: { "plinth.sessions": { config: { reset: { idleMinutes: 30 } } } } };
  await writeFile(join(home, "plinth.json"), JSON.stringify(config));
  const ahead = join(home, "ahead.cjs");
  await writeFile(ahead, "const now = Date.now; Date.now = () => now() + Number(process.env.AHEAD_MS);");
  const say = (text: string, minutes: number) =>
    plinth(home, ["agent", "-m", text], { NODE_OPTIONS: `--require=${ahead}`, AHEAD_MS: String(minutes * 60_000) });
  await say("Plan a trip. Soon.", 0);
  await say("list files", 20);
  await say("Bake a cake", 60);
  const { sessions } = JSON.parse((await plinth(home, ["sessions", "list", "--json"])).stdout);
  expect(sessions).toMatchObject([{ key: "main", title: "Bake a cake" }]);
  const { entries } = JSON.parse((await plinth(home, ["sessions", "show", "--json"])).stdout);
  expect(entries[0].body).toMatchObject({ kind: "reset", reason: "idle" });
  expect(JSON.stringify(entries)).not.toContain("Plan a trip");
  expect((await plinth(home, ["sessions", "export", "main"])).stdout).toContain("Plan a trip");
});
