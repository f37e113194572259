import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { closeSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { found, launch, ownUser } from "@plinth/sdk/tiers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { enforcementOf } from "./enforcement.ts";
import { Lab } from "./lab.testing.ts";

const boxed = await found([]);
const landlocked = await found(["bubblewrap"]);
const filtered = await found(["bubblewrap", "landlock"]);
const leashed = await found(["bubblewrap", "landlock", "seccomp"]);
const unwalled = await found(["bubblewrap", "landlock", "seccomp", "setpriv", "prlimit"]);
for (const { why, whyNotConfined } of [boxed, landlocked]) {
  if (why !== null && !why.includes("PLINTH_WITHOUT_WALLS")) console.warn(`tests of namespaces are skipped: ${why}`);
  if (whyNotConfined !== null) console.warn(`tests of Landlock are skipped: ${whyNotConfined}`);
}

const user = await ownUser("acme.bare", null);
const isWhole = (await enforcementOf(boxed)).level === "full";
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterEach(() => lab.quiet());
afterAll(() => lab.close());

const done = (outcome: Record<string, string>): string[] => Object.keys(outcome).filter((name) => outcome[name]?.startsWith("DONE"));
const UNTOUCHED = ["addon.node", "secret", "socket"];

describe.skipIf(boxed.bwrap === null)("behind namespaces", () => {
  it("refuses everything that a hostile extension tries", async () => {
    const { call } = await lab.start(boxed);
    const outcome = await call("attempts", lab.told);
    expect(Object.keys(outcome).length).toBeGreaterThan(30);

    expect(done(outcome)).toEqual([]);
    expect(await lab.outside()).toEqual(UNTOUCHED);
  });

  it("still holds when nothing of Node's permission model does", async () => {
    const { call } = await lab.start(boxed);
    expect(await call("datagram", lab.told)).not.toBe("sent");
    const outcome = await lab.bare(boxed, "attempts");

    expect(done(outcome)).toEqual([]);
    expect(outcome).toMatchObject({
      "read /etc/passwd": "ENOENT",
      "read through a link that was there before": "ENOENT",
      "read the host's environment": "ENOENT",
      "learn the size of a file outside": "ENOENT",
      "write into its own program": expect.stringMatching(/^(EROFS|EACCES)$/),
      "open a TCP connection to this machine": "ECONNREFUSED",
      "open an abstract socket": "ECONNREFUSED",
      "run a shell": "ENOENT",
      "signal the host": "ESRCH",
    });
    expect(await lab.outside()).toEqual(UNTOUCHED);
  });

  it("lets no datagram out, even without Node's permission model", async () => {
    const before = lab.datagrams;
    expect(await lab.bare(boxed, "datagram")).toBe("sent");
    const own = createSocket("udp4");
    await new Promise((resolve) => own.send("in", lab.told.udpPort, "127.0.0.1", resolve));
    await expect.poll(() => lab.datagrams).toBe(before + 1);
    own.close();
  });

  it.skipIf(!boxed.filter)("lays a filter over system calls: no sockets, no processes, though threads", async () => {
    const code = `
      const { error } = require("node:child_process").spawnSync(process.execPath, ["--version"]);
      const socket = require("node:dgram").createSocket("udp4").once("error", (refused) => {
        const worker = new (require("node:worker_threads").Worker)("", { eval: true });
        worker.once("exit", () => console.log(error.code, refused.code, "threads"));
      });
      socket.send("out", 9, "127.0.0.1");`;
    const room = { folders: [], programs: [process.execPath], cwd: "/", env: {}, user };
    const { stdout } = launch(boxed, room, [process.execPath, "-e", code]);
    expect(String(Buffer.concat(await stdout!.toArray())).trim()).toBe("EPERM EPERM threads");
  });

  it.skipIf(!boxed.filter)("may watch files only where no other user's watches are used up by that", async () => {
    const code = `try { require("node:fs").watch("/", () => {}).close(); console.log("watches"); } catch (error) { console.log(error.code); }`;
    const room = { folders: [], programs: [process.execPath], cwd: "/", env: {}, user };
    const { stdout } = launch(boxed, room, [process.execPath, "-e", code]);
    expect(String(Buffer.concat(await stdout!.toArray())).trim()).toBe(process.getuid?.() === 0 ? "watches" : "EMFILE");
  });

  it.each(["/", dirname(process.execPath), dirname(tmpdir())])("starts when %s is granted to read, and writes nothing there", async (path) => {
    const room = { folders: [{ path, write: false }], programs: [process.execPath], cwd: "/", env: {}, user };
    const code = `try { require("node:fs").writeFileSync(${JSON.stringify(join(path, "plinth-wall-attempt"))}, "x"); } catch (error) { console.log(error.code); }`;
    const { stdout } = launch(boxed, room, [process.execPath, "-e", code]);
    expect(String(Buffer.concat(await stdout!.toArray())).trim()).toBe("EROFS");
  });

  it("shows it a process id that says nothing about this machine", async () => {
    const { call } = await lab.start(boxed);
    expect(await call("pid")).toBe(2);
  });
});

describe.skipIf((landlocked.confine?.landlock ?? 0) < 6 || !landlocked.confine?.seccomp)("behind Landlock and a filter of system calls", () => {
  it("refuses everything that a hostile extension tries", async () => {
    const { call } = await lab.start(landlocked);
    expect(done(await call("attempts", lab.told))).toEqual([]);
    expect(await lab.outside()).toEqual(UNTOUCHED);
  });

  it("hides names and sizes of files by Node's permission model alone, and holds the rest without it", async () => {
    const outcome = await lab.bare(landlocked, "attempts");

    expect(done(outcome)).toEqual(["learn the size of a file outside"]);
    expect(outcome).toMatchObject({
      "read /etc/passwd": "EACCES",
      "read through a link that was there before": "EACCES",
      "read the host's environment": "EACCES",
      "link out of its folder and read": "EACCES",
      "write into its own program": "EACCES",
      "change the rights of a file outside": "EPERM",
      "open a TCP connection to this machine": "EPERM",
      "open a local socket": "EPERM",
      "open an abstract socket": "EPERM",
      "run a shell": "EPERM",
      "signal the host": "EPERM",
    });
    expect(await lab.bare(landlocked, "datagram")).toBe("EPERM");
    expect(await lab.outside()).toEqual(UNTOUCHED);
  });

  it("is told as less than the whole wall, with what is missing", async () => {
    const { level, detail } = await enforcementOf(landlocked);
    expect(level).toBe("partial");
    expect(detail.join("\n")).toMatch(/Landlock \(version \d+\).*Missing: namespaces/);
  });
});

describe.skipIf(!filtered.confine?.seccomp)("behind a filter of system calls without Landlock", () => {
  it("lets it follow links out of a granted folder that were there before, and nothing else", async () => {
    const { call } = await lab.start(filtered);
    expect(done(await call("attempts", lab.told))).toEqual(["read through a link that was there before"]);
    expect(await lab.outside()).toEqual(UNTOUCHED);
  });
});

describe("with Node's permission model alone", () => {
  it.each([
    ["leashed by the system", leashed],
    ["without anything of the system", unwalled],
  ])("refuses all but links that were there before and the network's addresses, %s", async (_how, tools) => {
    const { call } = await lab.start(tools);
    expect(done(await call("attempts", lab.told))).toEqual(["read through a link that was there before", "see the machine's network"]);
    expect(await call("datagram", lab.told)).not.toBe("sent");
    expect(await lab.outside()).toEqual(UNTOUCHED);
  });

  it("says what is missing", async () => {
    const { level, detail } = await enforcementOf(unwalled);
    expect(level).toBe("partial");
    const said = detail.join("\n");
    for (const missing of ["links in granted folders are followed", "a filter of system calls", "dies with the host", "prlimit"])
      expect(said).toContain(missing);
  });
});

describe.runIf(process.getuid?.() === 0)("a host that is root and has no user id to give", () => {
  beforeAll(() => {
    process.env.PLINTH_USER_IDS = "0-0";
  });
  afterAll(() => {
    delete process.env.PLINTH_USER_IDS;
  });

  it.each([
    ["namespaces", boxed],
    ["nothing of the system", unwalled],
  ])("starts nothing of third parties, with %s either, and says so to who asks what holds", async (_wall, tools) => {
    const refused = { code: "PLINTH_ROOT", extension: "acme.hostile", next: expect.stringContaining("as a user of its own") };
    await expect(lab.start(tools)).rejects.toMatchObject(refused);
    const { level, detail } = await enforcementOf(tools);
    expect([level, detail.join(" ")]).toEqual(["none", expect.stringContaining("runs as root")]);
  });
});

describe("the policy require-full", () => {
  it.each([
    ["Landlock", landlocked],
    ["Node's permission model", unwalled],
  ])("starts nothing behind %s", async (_what, tools) => {
    await expect(lab.start(tools, { sandbox: "require-full" })).rejects.toMatchObject({
      code: "PLINTH_SANDBOX",
      extension: "acme.hostile",
      message: expect.stringContaining("bubblewrap"),
      next: expect.stringContaining("policy.sandbox"),
    });
  });

  it.skipIf(!isWhole)("starts what is behind the whole wall", async () => {
    const { call } = await lab.start(boxed, { sandbox: "require-full" });
    expect(await call("save", lab.told)).toBe("x");
  });
});

it.each([
  ["namespaces", boxed],
  ["Landlock", landlocked],
  ["Node's permission model", leashed],
])("behind %s it uses the folder that it was granted", async (_wall, tools) => {
  const { call } = await lab.start(tools);
  expect(await call("save", lab.told)).toBe("x");
  expect(readFileSync(join(lab.told.data, "saved"), "utf8")).toBe("x");
});

it.skipIf(process.platform !== "linux")("hands on no descriptor that the host itself was started with", () => {
  const look = `try { console.log(require("node:fs").readlinkSync("/proc/self/fd/40")); } catch { console.log("closed"); }`;
  const host = `
    import { spawnSync } from "node:child_process";
    import { sealed } from ${JSON.stringify(join(import.meta.dirname, "../../../sdk/extension/tiers/descriptors.ts"))};
    for (const stdio of [["ignore", "pipe", "pipe"], sealed(["ignore", "pipe", "pipe"])])
      process.stdout.write(spawnSync(process.execPath, ["-e", ${JSON.stringify(look)}], { stdio }).output[1]);`;
  const secret = openSync(lab.told.secretFile, "r");
  const stdio = Array.from({ length: 41 }, (_, fd) => (fd === 1 ? "pipe" : fd === 40 ? secret : "ignore"));
  const { output } = spawnSync(process.execPath, ["--no-warnings", "--input-type=module", "-e", host], { stdio });
  closeSync(secret);
  expect(String(output[1]).trim().split("\n")).toEqual([lab.told.secretFile, "/dev/null"]);
});
