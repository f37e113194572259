import { createHash } from "node:crypto";
import { appendFile, copyFile, mkdtemp, readFile, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineExtension } from "@plinth/sdk";
import { createTestHost } from "@plinth/sdk/testing";
import { found } from "@plinth/sdk/tiers";
import { describe, expect, it, onTestFinished } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const here = await found();
const VALUE = "value-of-the-key";

/** An extension with a secret and a program of its own to give it to, which an owner pinned. */
async function openLab({ secrets = ["KEY"], fs = [] as string[] } = {}) {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "plinth-pinned-")));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const tool = join(folder, "tool");
  await copyFile("/bin/bash", tool);
  const sha256 = createHash("sha256")
    .update(await readFile(tool))
    .digest("hex");
  let run: (program: string, script: string, env?: Record<string, string>) => Promise<string> = async () => "";
  let handle = "";
  const asking = defineExtension({
    activate(ctx) {
      handle = ctx.secrets.handle("KEY");
      run = async (program, script, env = { KEY: handle }) => {
        const { stdout, stderr } = await ctx.exec(program, ["-c", script], { env });
        return `${stdout}${stderr}`;
      };
    },
  });
  const permissions = { exec: [tool, "bash"], secrets: ["KEY", "OTHER"], fs };
  const own = { id: "acme.asks", version: "1.0.0", title: "Asks", description: "Asks.", license: "MIT", engines: { plinth: "^0.1.0" }, permissions };
  const host = await createTestHost({
    extensions: [
      { manifest, extension },
      {
        manifest: { ...own, entry: "./index.js", tiers: ["isolate"] },
        extension: asking,
        secrets: { KEY: VALUE, OTHER: "another-value" },
        pins: [{ program: tool, sha256, secrets }],
      },
    ],
  });
  onTestFinished(() => host.close());
  await host.activate("acme.asks");
  return { host, tool, handle, run };
}

const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    (value) => `none: ${value}`,
    (thrown: { code?: string; message: string; next?: string }) => `${thrown.code} ${thrown.message} ${thrown.next}`,
  );

describe.skipIf(here.bwrap === null)("a secret for a program", () => {
  it("is in the variables of the pinned one, in no command line, and the program's bytes are a copy of the host's", async () => {
    const { tool, run } = await openLab();
    const script = `echo "$KEY"; for one in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $one | sed 's/ -c .*//'; echo; done; stat -c %i ${tool}`;
    const lines = (await run(tool, script)).trim().split("\n");
    expect(lines[0]).toBe(VALUE);
    expect(lines.slice(1).join("\n")).not.toContain(VALUE);
    expect(Number(lines.at(-1))).not.toBe((await stat(tool)).ino);
  });

  it("is refused for another program, for one that changed since, and for one that was pinned for another secret", async () => {
    const { host, tool, handle, run } = await openLab();
    expect(await refusal(run("bash", "true"))).toMatch(/^PLINTH_PERMISSION .*it was not pinned\. .*plinth grants pin acme\.asks \/usr\/bin\/bash/);
    expect(await refusal(run(tool, "true", { KEY: handle, OTHER: handle.replace("KEY", "OTHER") }))).toMatch(/^PLINTH_PERMISSION .*KEY, OTHER/);
    await appendFile(tool, "\n");
    const changed = await refusal(run(tool, "true"));
    expect(changed).toMatch(/^PLINTH_PERMISSION .*not the program any more/);
    expect(changed + JSON.stringify(host.log)).not.toContain(VALUE);
    const other = await openLab({ secrets: ["OTHER"] });
    expect(await refusal(other.run(other.tool, "true"))).toMatch(/^PLINTH_PERMISSION .*pinned no such program/);
  });

  it("is in the variable that the owner pinned it for and in no other, whole and alone", async () => {
    const { tool, handle, run } = await openLab();
    expect(await refusal(run(tool, "true", { GIT_DIR: handle }))).toMatch(
      /^PLINTH_PERMISSION .*KEY in the variable GIT_DIR: .* plinth grants pin acme\.asks PROGRAM --secret KEY=GIT_DIR$/,
    );
    expect(await refusal(run(tool, "true", { KEY: handle, GIT_DIR: handle }))).toMatch(/^PLINTH_PERMISSION .*KEY, KEY in the variable GIT_DIR/);
    for (const text of [`Bearer ${handle}`, `${handle}${handle}`, `/x/${handle}`])
      expect(await refusal(run(tool, "true", { KEY: text }))).toMatch(
        /^PLINTH_PERMISSION .*may not put the secret KEY into other text, in the variable KEY\. /,
      );
    const other = await openLab({ secrets: ["KEY=OTHER_NAME"] });
    expect(await other.run(other.tool, 'echo "$OTHER_NAME"', { OTHER_NAME: other.handle })).toBe(`${VALUE}\n`);
    expect(await refusal(other.run(other.tool, "true"))).toMatch(/^PLINTH_PERMISSION .*the secret KEY: an owner/);
  });

  it("stands beside no variable that could steer the program", async () => {
    const { tool, handle, run } = await openLab();
    expect(await refusal(run(tool, "true", { KEY: handle, BASH_ENV: "/etc/passwd" }))).toMatch(/^PLINTH_PERMISSION .*BASH_ENV/);
    expect(await run(tool, 'echo "$KEY $HOME"', { KEY: handle, HOME: "/nowhere" })).toBe(`${VALUE} /nowhere\n`);
  });

  it.runIf(process.getuid?.() === 0)("runs as the extension's own user where the host is root, whatever the host's umask", async () => {
    const before = process.umask(0o077);
    onTestFinished(() => void process.umask(before));
    const { tool, run } = await openLab({ fs: ["data"] });
    const [uid, value] = (await run(tool, 'id -u; echo "$KEY"')).trim().split("\n");
    expect(value).toBe(VALUE);
    expect(Number(uid)).toBeGreaterThan(0);
    expect(await run(tool, 'echo "$KEY"')).toBe(`${VALUE}\n`);
  });
});
