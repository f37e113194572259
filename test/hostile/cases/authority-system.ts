import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { installed } from "../authority.testing.ts";
import { both, by, type HostileCase } from "../case.ts";

/** Granted programs and folders, and what of the machine they would reach beside what was meant. */
export const cases: HostileCase[] = [
  {
    id: "programs-and-the-kernel",
    tries: "runs granted programs that change settings of the kernel, take namespaces, read keys, use up what a user has, become somebody else",
    phase: "call",
    stopped: both([by("inert", "none"), by("broker", "PLINTH_SANDBOX")]),
    manifest: { permissions: { exec: ["*"], fs: ["data"] } },
    parts: () => ({
      code: `
        const scripts = [
          "echo x > /proc/sys/kernel/core_pattern && echo did-write", "echo 1 > /proc/sys/net/ipv4/ip_forward && echo did-write", "echo x > /proc/sysrq-trigger && echo did-write",
          "ls /sys/kernel && echo did-list", "unshare -m true && echo did-unshare", "unshare -U true && echo did-unshare", "unshare -n true && echo did-unshare", "mount -t tmpfs x /mnt && echo did-mount", "chroot / true && echo did-chroot",
          "nsenter -t 1 -m true && echo did-enter", "su -c true && echo did-become", "test $(id -u) = 0 && echo did-stay-root", "touch s && chmod u+s s && test -u s && test $(stat -c %u s) = 0 && echo did-set-user",
          "grep -q 'Seccomp:.0' /proc/self/status && echo did-run-unfiltered", "grep -qv 'CapEff:.0000000000000000' /proc/self/status || echo did-keep-powers", "dmesg && echo did-read-kernel-log", "sysctl -w kernel.dmesg_restrict=0 && echo did-set",
        ];
        const { stdout } = await ctx.exec("sh", ["-c", scripts.map((one) => "( " + one + " ) </dev/null 2>/dev/null").join("\\n")], { cwd: "data" });
        return say("tried " + scripts.length + " " + new TextDecoder().decode(typeof stdout === "string" ? new TextEncoder().encode(stdout) : stdout).replaceAll("\\n", " "));`,
    }),
    blameless: true,
    check(_attack, { code, message }) {
      if (code === "PLINTH_SANDBOX") return;
      expect(message).toMatch(/^tried 17/);
      expect(message).not.toMatch(/did-/);
    },
  },
  {
    id: "folder-of-the-home",
    tries: "asks to be granted the folder that the gateway's home lies in",
    phase: "install",
    stopped: both(by("manifest check", "PLINTH_FOLDER")),
    async attack(attack) {
      const refused = await attack.install({ manifest: { permissions: { fs: [`${join(attack.facts.home, "..")}:ro`] } } });
      if (refused === null) throw new Error("it was installed");
      expect(await attack.install({ manifest: { permissions: { fs: ["/"] } } })).toMatchObject({ code: "PLINTH_FOLDER" });
      expect(await attack.install({ manifest: { permissions: { fs: ["/proc:ro"] } } })).toMatchObject({ code: "PLINTH_MANIFEST_INVALID" });
      return refused;
    },
  },
  {
    id: "folder-that-became-the-home",
    tries: "has a harmless folder granted, and puts a link to the gateway's home in its place afterwards",
    phase: "call",
    stopped: both([by("manifest check", "PLINTH_FOLDER")]),
    async attack(attack) {
      const beside = await mkdtemp(join(tmpdir(), "plinth-hostile-swap-"));
      const room = join(beside, "room");
      await mkdir(room);
      try {
        await installed(attack, {
          manifest: { permissions: { fs: [`${room}:ro`], exec: ["cat"] } },
          code: `return attempt(() => ctx.files.readText(${JSON.stringify(join(room, "installed.json"))}));`,
        });
        await rename(room, `${room}-was`);
        await symlink(attack.facts.home, room);
        return await attack.call();
      } finally {
        await rm(beside, { recursive: true });
      }
    },
    blameless: true,
  },
  {
    id: "data-that-will-not-go",
    tries: "nests folders deeper than any path, closes them, gives them names that are no text, and writes on while it is uninstalled",
    phase: "stop",
    stopped: { process: by("inert", "none") },
    async attack(attack) {
      const parts = {
        manifest: { permissions: { fs: ["data"] } },
        top: 'import * as fs from "node:fs";',
        code: `
          const at = (name) => ctx.dataDir + "/" + name;
          if (input.args.list) return say("it found " + fs.readdirSync(ctx.dataDir).length);
          fs.mkdirSync(at("a"));
          for (let depth = 0; depth < 40; depth++) { fs.mkdirSync(at("b")); fs.renameSync(at("a"), at("b/" + "n".repeat(250))); fs.renameSync(at("b"), at("a")); }
          fs.mkdirSync(Buffer.concat([Buffer.from(ctx.dataDir + "/"), Buffer.from([0xff, 0xfe])]));
          fs.mkdirSync(at("closed/inner"), { recursive: true });
          fs.chmodSync(at("closed/inner"), 0);
          fs.chmodSync(at("closed"), 0);
          let n = 0;
          setInterval(() => { try { fs.writeFileSync(at("file" + n++), "x"); fs.mkdirSync(at("folder" + n)); } catch {} }, 2);
          return say("it writes");`,
      };
      await installed(attack, parts);
      expect(await attack.call({})).toMatchObject({ code: "none", message: "it writes" });
      await attack.uninstall(attack.id);
      expect(await readdir(join(attack.facts.home, "state"))).not.toContain(attack.id);
      await installed(attack, parts);
      const found = await attack.call({ list: true });
      expect(found.message).toBe("it found 0");
      return found;
    },
    blameless: true,
  },
  {
    id: "consent-out-of-the-audit",
    tries: "is refused hundreds of times at once, so that the record of its consent is pushed out of the audit",
    phase: "call",
    stopped: both(by("inert", "none")),
    parts: () => ({
      code: `for (let n = 0; n < 200; n++) { const refused = ctx.files.readText("/" + "x".repeat(400) + n).catch(() => {}); if (n % 10 === 0) await refused; } return say("it was refused");`,
    }),
    blameless: true,
    async check(attack) {
      const decided = async () => (await attack.request("audit.query", { extension: attack.id, kind: "grant" })).result?.records ?? [];
      await expect.poll(decided).toEqual(expect.arrayContaining([expect.objectContaining({ what: "consent to 1.0.0", allowed: true })]));
      const folder = join(attack.facts.home, "state/plinth.audit-log/decisions");
      const kept = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")));
      expect(kept.join("")).toContain(attack.id);
    },
  },
];
