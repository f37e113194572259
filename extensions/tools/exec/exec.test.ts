import { type StdioOptions, spawn } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createTestHost, describeConformance, toolConformance } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import extension from "./index.ts";
import { OutputWindow } from "./output-window.ts";
import manifest from "./plinth.json" with { type: "json" };

const env = { PATH: process.env.PATH!, HOME: "/home/somebody", OPENAI_API_KEY: "sk-secret", LANG: "C.UTF-8" };

async function bench() {
  const workspace = await realpath(await mkdtemp(join(tmpdir(), "plinth-exec-")));
  const host = await createTestHost({ extensions: [{ manifest, extension, env }], principal: { role: "owner", via: "test" } });
  const tool = host.use("plinth.tool").get("exec");
  const call = (args: Record<string, unknown>, signal?: AbortSignal) => tool.call({ args, workspace }, signal ? { signal } : {});
  return {
    workspace,
    host,
    tool,
    call,
    text: async (command: string, more = {}) => {
      const { content } = await call({ command, ...more });
      return content.map((part) => (part.type === "text" ? part.text : "")).join("");
    },
    /** The pid that a command wrote into a file of the workspace. */
    pid: async (name = "pid"): Promise<number> => {
      for (;;) {
        const text = await readFile(join(workspace, name), "utf8").catch(() => "");
        if (text.endsWith("\n")) return Number(text);
        await sleep(5);
      }
    },
    async [Symbol.asyncDispose]() {
      await host.close();
      await rm(workspace, { recursive: true, force: true });
    },
  };
}

/** Whether a process runs; a zombie does not. */
async function lives(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat !== undefined && !/\) Z /.test(stat);
}

async function gone(pid: number): Promise<void> {
  while (await lives(pid)) await sleep(5);
}

let workspace = "";
describeConformance({ describe, it }, "tool exec", toolConformance, {
  open: async () => {
    const opened = await bench();
    workspace = opened.workspace;
    return { tool: opened.tool, close: () => opened[Symbol.asyncDispose]() };
  },
  good: () => ({ args: { command: "echo fine" }, workspace }),
  bad: () => ({ args: { command: "exit 3" }, workspace }),
  slow: () => ({ args: { command: "sleep 100" }, workspace }),
});

describe("exec", () => {
  it("answers with output in order, and the exit code", async () => {
    await using b = await bench();
    expect(await b.text("echo one; sleep 0.05; echo two >&2; sleep 0.05; printf three; exit 3")).toBe("one\ntwo\nthree\n[exit code 3]");
    expect(await b.text("true")).toBe("[exit code 0]");
    expect(await b.text("kill -KILL $$")).toBe("[ended by SIGKILL]");
    expect(await b.text('echo "$0 $# $(pwd)"')).toBe(`/bin/sh 0 ${b.workspace}\n[exit code 0]`);
    expect(await b.text("cat; wait; echo done"), "no input, and no job that is not its own").toBe("done\n[exit code 0]");
  });

  it("runs in the workspace or a folder below it, and nowhere else", async () => {
    await using b = await bench();
    await mkdir(join(b.workspace, "sub"));
    await symlink("/", join(b.workspace, "away"));
    expect(await b.text("pwd", { cwd: "sub" })).toBe(`${b.workspace}/sub\n[exit code 0]`);
    for (const cwd of ["..", "/", "away", "sub/../.."]) expect(await b.text("pwd", { cwd })).toContain("PLINTH_PATH_OUTSIDE");
    expect(await b.text("pwd", { cwd: "none" })).toContain("PLINTH_FILE_MISSING");
    expect(await b.tool.call({ args: { command: "pwd" } })).toMatchObject({ isError: true, details: { code: "PLINTH_WORKSPACE_MISSING" } });
  });

  it("gives the command an environment without keys", async () => {
    await using b = await bench();
    process.env.PLINTH_TEST_TOKEN = "leaked";
    const names = (await b.text("env")).split("\n").map((line) => line.split("=")[0]!);
    delete process.env.PLINTH_TEST_TOKEN;
    expect(names.filter((name) => !["PATH", "HOME", "LANG", "PWD", "OLDPWD", "SHLVL", "_", "PLINTH_EXEC", "[exit code 0]"].includes(name))).toEqual(
      [],
    );
  });

  it.skipIf(process.platform !== "linux")("gives the command no descriptor that the host was started with", async () => {
    await using b = await bench();
    await writeFile(join(b.workspace, "secret"), "what the host has open");
    const program = join(b.workspace, "host.mts");
    const module = fileURLToPath(new URL("command.ts", import.meta.url));
    await writeFile(
      program,
      `import { RunningCommand } from ${JSON.stringify(module)};
       const run = new RunningCommand("cat /proc/self/fd/40; ls -l /proc/self/fd; echo over", ${JSON.stringify(b.workspace)}, { PATH: process.env.PATH });
       console.log((await run.ended).output);`,
    );
    await using secret = await open(join(b.workspace, "secret"));
    // The runtime itself closes the lowest ones.
    const stdio: StdioOptions = ["ignore", "pipe", "inherit", ...Array.from({ length: 37 }, () => "ignore" as const), secret.fd];
    const host = spawn(process.execPath, ["--conditions=development", program], { stdio });
    let output = "";
    for await (const chunk of host.stdout!) output += chunk;
    expect(output).toContain("over");
    expect(output).not.toMatch(/what the host has open|secret/);
  });

  it("keeps the beginning and the end of a long output", async () => {
    await using b = await bench();
    const text = await b.text("echo begin; seq 1 100000; echo end");
    expect(text.length).toBeLessThan(66_000);
    expect(text).toMatch(/^begin\n1\n2\n[\s\S]*bytes are left out[\s\S]*100000\nend\n\[exit code 0\]$/);
  });

  it("ends a command that writes without end", async () => {
    await using b = await bench();
    expect(await b.text("yes")).toMatch(/\[PLINTH_EXEC_OUTPUT: /);
  });
});

describe("a command and all that it started are gone", () => {
  it("after a time-out, even when they ignore SIGTERM", async () => {
    await using b = await bench();
    const text = b.text(`trap '' TERM; sh -c 'trap "" TERM; echo $$ > pid; while :; do sleep 0.1; done' & wait`, { timeoutMs: 300 });
    const grandchild = await b.pid();
    expect(await lives(grandchild)).toBe(true);
    expect(await text).toContain("PLINTH_EXEC_TIMEOUT");
    await gone(grandchild);
  });

  it("after the call was cancelled", async () => {
    await using b = await bench();
    const controller = new AbortController();
    const attempt = b.call({ command: "sh -c 'sh -c \"echo \\$\\$ > pid; exec sleep 100\" & wait' & wait" }, controller.signal);
    attempt.catch(() => {});
    const grandchild = await b.pid();
    controller.abort();
    await expect(attempt).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    await gone(grandchild);
  });

  it("after the command's own end, in the background or in a session of their own", async () => {
    await using b = await bench();
    expect(
      await b.text(
        "sleep 100 & echo $! > pid; setsid sh -c 'echo $$ > other; exec sleep 100' & while [ ! -s other ]; do sleep 0.01; done; echo over",
      ),
    ).toBe("over\n[exit code 0]");
    await gone(await b.pid());
    await gone(await b.pid("other"));
  });

  it("after the extension was stopped", async () => {
    const b = await bench();
    const attempt = b.call({ command: "sleep 100 & echo $! > pid; wait" });
    attempt.catch(() => {});
    const child = await b.pid();
    await b[Symbol.asyncDispose]();
    await gone(child);
    await expect(attempt).rejects.toMatchObject({ code: expect.stringMatching(/^PLINTH_/) });
  });

  it("after the host itself was killed", async () => {
    await using b = await bench();
    const command = `sh -c 'echo $$ > pid; exec sleep 100' & setsid sh -c 'echo $$ > other; exec sleep 100' & wait`;
    const program = join(b.workspace, "host.mts");
    const module = fileURLToPath(new URL("command.ts", import.meta.url));
    await writeFile(
      program,
      `import { RunningCommand } from ${JSON.stringify(module)};
       new RunningCommand(${JSON.stringify(command)}, ${JSON.stringify(b.workspace)}, { PATH: process.env.PATH });`,
    );
    const host = spawn(process.execPath, ["--conditions=development", program], { stdio: "ignore" });
    const [child, other] = [await b.pid(), await b.pid("other")];
    expect([await lives(child), await lives(other)]).toEqual([true, true]);
    host.kill("SIGKILL");
    await Promise.all([gone(child), gone(other)]);
  });
});

describe("the output window", () => {
  it("gives everything that fits, and cuts between characters otherwise", () => {
    for (let size = 0; size < 60; size++) {
      const text = [..."aü€🎲".repeat(20)].slice(0, size).join("");
      const bytes = Buffer.from(text);
      const window = new OutputWindow(40);
      for (let at = 0; at < bytes.length; at += 7) window.push(bytes.subarray(at, at + 7));
      const { text: read, omitted } = window.read();
      if (bytes.length <= 40) expect(read).toBe(bytes.toString());
      else {
        expect(read).not.toContain("\uFFFD");
        const [begin, end] = read.split(/\n\[… \d+ bytes are left out …\]\n/);
        expect(Buffer.byteLength(begin! + end!) + omitted).toBe(bytes.length);
      }
    }
  });
});

it("runs nothing in work that is not an owner's", async () => {
  await using one = await bench();
  for (const role of ["guest", "system"] as const) {
    const result = await one.host.as({ role, via: "test" }, () => one.call({ command: "touch made" }));
    expect(result).toMatchObject({ isError: true, details: { code: "PLINTH_PERMISSION" } });
  }
  await expect(readFile(join(one.workspace, "made"))).rejects.toThrow("ENOENT");
});
