import { expect } from "vitest";
import { installed, site } from "../authority.testing.ts";
import { both, by, type Found, type HostileCase } from "../case.ts";

const PROTOCOL = by("frame protocol", "PLINTH_PROTOCOL");
const STORAGE = by("storage watch", "PLINTH_EXTENSION_EXITED");
/** Frames past its own side of the protocol, all at once: what costs it nothing to write. */
const toFrames = `import { writeSync } from "node:fs";
const flood = (body, times = 50_000) => {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  let rest = Buffer.concat(Array.from({ length: times }, () => Buffer.concat([head, bytes])));
  while (rest.length > 0) try { rest = rest.subarray(writeSync(3, rest)); } catch (thrown) { if (thrown.code !== "EAGAIN") throw thrown; }
};`;

const floods: [id: string, tries: string, body: string][] = [
  ["wire-empty-frames", "writes frames that say nothing, without end", "[]"],
  ["wire-unknown-errors", "writes errors for calls that nobody made, without end", '[["err",9007199254740990,{"code":"PLINTH_X","message":"x"}]]'],
  ["wire-unknown-ends", "ends streams that nobody opened, without end", '[["end",9007199254740990]]'],
  ["wire-unknown-cancels", "cancels calls that it never made, without end", '[["cancel",9007199254740990]]'],
  ["wire-unknown-credits", "gives credit to streams that it never opened, without end", '[["credit",9007199254740990,1]]'],
  ["wire-second-answers", "answers a call of the host again and again", '[["ok",1,null]]'],
  ["wire-odd-notes", "sends notes that nobody reads, without end", '[["note","constructor",1]]'],
];

const MIB = 1_048_576;

export const cases: HostileCase[] = [
  ...floods.map(
    ([id, tries, body]): HostileCase => ({
      id,
      tries,
      phase: "call",
      top: toFrames,
      code: `flood(${JSON.stringify(body)}); await new Promise(() => {});`,
      // On a busy machine its call is late before all of it was read.
      stopped: { process: [PROTOCOL, by("deadline", "PLINTH_DEADLINE")] },
    }),
  ),
  {
    id: "wire-wide-batch",
    tries: "packs a hundred thousand small messages into one frame",
    phase: "call",
    top: toFrames,
    code: `flood('[' + Array(100_000).fill('["credit",1,1]').join(",") + ']', 1); await new Promise(() => {});`,
    stopped: { process: by("frame limit", "PLINTH_PROTOCOL") },
  },
  {
    id: "unread-bodies",
    tries: "opens 120 large answers of a server and reads none of them",
    phase: "call",
    stopped: both(by("bounded", "none")),
    blameless: true,
    attack: async (attack) => {
      const block = Buffer.alloc(MIB);
      const server = await site(async (_request, response) => {
        for (let n = 0; n < 16 && !response.destroyed; n++)
          if (!response.write(block)) await new Promise((resolve) => response.once("drain", resolve).once("close", resolve));
      });
      try {
        await installed(attack, {
          manifest: { permissions: { net: [server.host] } },
          activate: "globalThis.kept = [];",
          code: `const got = await Promise.allSettled(Array.from({ length: 120 }, () => ctx.fetch(${JSON.stringify(server.url)})));
            kept.push(...got);
            return say(got.filter(({ status }) => status === "fulfilled").length + " " + [...new Set(got.flatMap(({ reason }) => reason?.code ?? []))].join());`,
        });
        const found = await attack.call();
        return { ...found, by: "bounded" } satisfies Found;
      } finally {
        server.close();
      }
    },
    check: (_attack, { message }) => expect(message).toBe("64 PLINTH_QUOTA"),
  },
  {
    id: "unnamed-files",
    tries: "fills the disk with files that it removed and holds open",
    phase: "call",
    manifest: { permissions: { fs: ["data"] }, budgets: { storageMb: 20 } },
    top: 'import fs from "node:fs";',
    code: `const held = Buffer.alloc(${MIB}, 1);
      for (let n = 0; n < 50; n++) {
        const path = ctx.dataDir + "/x"; const fd = fs.openSync(path, "w"); fs.unlinkSync(path);
        for (let m = 0; m < 10; m++) fs.writeSync(fd, held);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      return say("kept all of it");`,
    stopped: { process: STORAGE },
  },
  {
    id: "nameless-files",
    tries: "fills the disk with files whose names are no text",
    phase: "call",
    manifest: { permissions: { fs: ["data"] }, budgets: { storageMb: 20 } },
    top: 'import fs from "node:fs";',
    code: `const held = Buffer.alloc(${MIB}, 1);
      for (let n = 0; n < 50; n++) {
        const path = Buffer.concat([Buffer.from(ctx.dataDir + "/"), Buffer.from([0xff, 0x80 + n])]);
        for (let m = 0; m < 10; m++) fs.appendFileSync(path, held);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      return say("kept all of it");`,
    stopped: { process: STORAGE },
  },
  {
    id: "audit-flood",
    tries: "asks for what is refused, without end, to fill the audit log",
    phase: "call",
    stopped: both(by("bounded", "none")),
    manifest: { permissions: { net: ["api.example.com"] } },
    code: `const some = () => Promise.allSettled(Array.from({ length: 40 }, () => ctx.fetch("http://other.example.com/")));
      void (async () => { for (;;) await some(); })();
      return say("begun");`,
    attack: async (attack) => {
      await installed(attack);
      const found = await attack.call();
      await attack.sleep(4_000);
      return { ...found, by: "bounded" };
    },
    blameless: true,
    async check(attack, { message }) {
      expect(message).toBe("begun");
      const { result } = await attack.request("audit.query", { extension: attack.id, limit: 10_000 });
      const own = result.records.filter(({ extension }: { extension: string }) => extension === attack.id);
      expect(own.length).toBeGreaterThan(0);
      // Two minutes' worth, where it went on over the end of one.
      expect(own.length).toBeLessThanOrEqual(2 * 600 + 10);
    },
  },
];
