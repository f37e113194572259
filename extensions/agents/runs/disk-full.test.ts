import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestHost } from "@plinth/sdk/testing";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { end, type HarnessInput, owner, shout, startTurns, words } from "./turns.testing.ts";

/** A small disk of its own, where this user may have one. */
const disk = mkdtempSync(join(tmpdir(), "plinth-disk-"));
const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "none", disk]).status === 0;
afterAll(() => {
  if (isMounted) spawnSync("umount", [disk]);
  rmSync(disk, { recursive: true, force: true });
});

function fill(): void {
  for (let size = 1_048_576, file = 0; size >= 1; file++) {
    try {
      writeFileSync(join(disk, `ballast-${file}`), Buffer.alloc(size));
    } catch {
      size = Math.floor(size / 2);
    }
  }
}
const empty = () => spawnSync("sh", ["-c", `rm -f ${disk}/ballast-*`]);

describe.skipIf(!isMounted)("a disk that is full", () => {
  let host: TestHost;
  let answer: (input: HarnessInput) => AsyncIterable<any> = shout;
  const before = process.env.TMPDIR;
  beforeEach(async () => {
    process.env.TMPDIR = disk;
    host = await startTurns({ run: (input) => answer(input) });
  });
  afterEach(async () => {
    empty();
    await host.close();
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    answer = shout;
  });
  const say = (text: string) => host.as(owner, () => end(host, text));

  it("takes no message in, says so, leaves what was said readable, and goes on when there is room", async () => {
    await say("one");
    fill();
    const refused = await say(`two ${"x".repeat(200_000)}`).catch((error: { code: string }) => ({ status: "refused", error }));
    expect(refused.status).not.toBe("ok");
    expect(refused.error).toMatchObject({ code: "PLINTH_SESSION_STORE", next: expect.any(String) });
    expect(await words(host)).toEqual(["user: one", "assistant: ONE", "ok"]);
    empty();
    expect(await say("three")).toMatchObject({ status: "ok", text: "THREE" });
    expect((await words(host)).slice(-3)).toEqual(["user: three", "assistant: THREE", "ok"]);
  });

  it("ends a turn whose answer it cannot keep as failed; its message stays, and so does what was before", async () => {
    await say("one");
    answer = async function* (input) {
      fill();
      yield* shout({ ...input, history: [{ role: "user", content: [{ type: "text", text: "long ".repeat(100_000) }] }] });
    };
    const failed = await say("two");
    expect(failed).toMatchObject({ status: "error", error: { code: "PLINTH_SESSION_STORE" } });
    expect((await words(host)).slice(0, 4)).toEqual(["user: one", "assistant: ONE", "ok", "user: two"]);
    empty();
    answer = shout;
    expect(await say("three")).toMatchObject({ status: "ok" });
    expect((await words(host)).slice(3)).toEqual(["user: two", "error", "user: three", "assistant: THREE", "ok"]);
  });
});
