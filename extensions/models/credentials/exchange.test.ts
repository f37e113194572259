import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CopilotTokens, copilotTokens } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const LONG = "ghu_for-all-processes";
let github: CopilotTokens;
let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "plinth-exchange-"));
  github = await copilotTokens({ api: "https://api.example" });
  github.long.add(LONG);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await github.close();
  await rm(folder, { recursive: true, force: true });
});

/** Another process of the same home that wants the token; what it prints is what came of it. */
function other(calls = 1): ChildProcess {
  const script = join(import.meta.dirname, "exchange-process.testing.ts");
  const child = spawn(process.execPath, [script, folder, "acme:default", github.exchangeUrl, LONG, `${calls}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  return child;
}
async function said(child: ChildProcess): Promise<{ renewed?: boolean; value?: string; code?: string }> {
  let text = "";
  child.stdout!.on("data", (chunk) => (text += chunk));
  await once(child, "close");
  return JSON.parse(text);
}

describe("what is exchanged", () => {
  it("is exchanged once for three processes with twenty calls each", async () => {
    github.delayMs = 100;
    const answers = await Promise.all([1, 2, 3].map(() => said(other(20))));
    expect(answers.filter(({ renewed }) => renewed)).toHaveLength(1);
    expect(github.exchanges()).toBe(1);
    expect(new Set(answers.map(({ value }) => value))).toEqual(github.short);
  });

  it("is exchanged again where a process was killed before it kept the answer: nothing was used up", async () => {
    github.delayMs = 60_000;
    const child = other();
    while (github.exchanges() === 0) await new Promise((done) => setTimeout(done, 10));
    child.kill("SIGKILL");
    await once(child, "close");
    github.delayMs = 0;
    expect(await said(other())).toMatchObject({ renewed: true, value: [...github.short].at(-1) });
  });

  it("is there after a process was killed at any time", async () => {
    for (let at = 0; at < 4; at++) {
      const child = other();
      const [seen, ended] = [github.exchanges(), once(child, "close")];
      if (at % 2 === 0) while (github.exchanges() === seen && child.exitCode === null) await new Promise((done) => setTimeout(done, 1));
      else await new Promise((done) => setTimeout(done, 60 * at));
      child.kill("SIGKILL");
      await ended;
      const { value } = await said(other());
      expect(github.short.has(value ?? "")).toBe(true);
      await rm(join(folder, "exchanged"), { recursive: true });
    }
  });

  it.each([302, 307])("goes to no other address: an answer of %i is a failure", async (status) => {
    github.refuse = { status, headers: { location: "https://api.evil.example/" }, body: "" };
    expect(await said(other())).toEqual({ code: "PLINTH_MODEL_SERVER" });
  });

  it("is exchanged anew where what was kept is broken", async () => {
    await said(other());
    const [name] = (await readdir(join(folder, "exchanged"))).filter((one) => one.endsWith(".json"));
    await writeFile(join(folder, "exchanged", name!), '{"token": "half');
    expect(await said(other())).toMatchObject({ renewed: true });
    expect(github.exchanges()).toBe(2);
  });
});
