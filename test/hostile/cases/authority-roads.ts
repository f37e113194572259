import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { bare, installed, PROBE, site } from "../authority.testing.ts";
import { both, by, type HostileCase, type Stop } from "../case.ts";

const FORBIDDEN: readonly Stop[] = [by("broker", "PLINTH_PERMISSION"), by("egress", "PLINTH_PERMISSION")];

/** Files, programs and connections that the host opens on an extension's behalf, in each tier. */
export const cases: HostileCase[] = [
  {
    id: "roads-undeclared",
    tries: "asks the host for files, programs and connections without any permission for them",
    phase: "call",
    stopped: both(FORBIDDEN),
    parts: ({ secretFile, loopbackUrl }, tier) =>
      bare(
        `roads-undeclared-${tier}`,
        `
      const path = ${JSON.stringify(secretFile)};
      return probe({
        read: () => bridge.files({ op: "read", path }), own: () => bridge.files({ op: "list", path: "data" }), workspace: () => bridge.files({ op: "list", path: "workspace" }),
        run: () => drain(bridge.exec({ program: "cat", args: [path] })), socket: () => drain(bridge.socket({ url: ${JSON.stringify(`${loopbackUrl.replace("http", "ws")}/roads-undeclared`)} })),
        send: () => bridge.socketSend("1", "x"),
      });`,
      ),
    blameless: true,
  },
  {
    id: "files-out-of-folders",
    tries: "names files outside of its granted folders: by dots, absolute, with NULs, beside a granted name, as other types",
    phase: "call",
    stopped: both([...FORBIDDEN, by("schema check", "PLINTH_PAYLOAD")]),
    manifest: { permissions: { fs: ["data"] } },
    parts: ({ secretFile, outside, home, neighbour }, tier) =>
      bare(
        `files-out-of-folders-${tier}`,
        `
      const [secret, home] = [${JSON.stringify(secretFile)}, ${JSON.stringify(home)}];
      const paths = [secret, "/" + secret, "data/../../plinth.json", "data/../${neighbour}/secret.txt", "data/x/../../../installed.json", "data/..", "..", "../plinth.json", "data/./../..", home + "/installed.json", home + "/state/${neighbour}/secret.txt", home + "/state/" + info.manifest.id + "/../../plinth.json", "workspace/README.md", "workspace", "DATA/x", "data\\0/x", "data/\\0", "data2/x", "/data/x", "file://" + secret, "~/.ssh", "/proc/self/environ", "/dev/stdin", "", "data/" + "x/".repeat(3000)];
      const odd = [null, 7, ["data"], { toString: () => secret }, { length: 1 }];
      return probe({
        ...Object.fromEntries(paths.flatMap((path) => [["read " + path.slice(-30), () => bridge.files({ op: "read", path })], ["write " + path.slice(-30), () => bridge.files({ op: "write", path: path === "" ? path : path + "/new", body: "x" })], ["list " + path.slice(-30), () => bridge.files({ op: "list", path })]])),
        ...Object.fromEntries(odd.map((path, at) => ["odd " + at, () => bridge.files({ op: "read", path })])),
        rename: async () => { await bridge.files({ op: "write", path: "data/own", body: "x" }); return bridge.files({ op: "rename", path: "data/own", to: ${JSON.stringify(join(outside, "own"))} }); },
        fetch: () => bridge.files({ op: "rename", path: secret, to: "data/own2" }), remove: () => bridge.files({ op: "remove", path: ${JSON.stringify(outside)}, recursive: true }), above: () => bridge.files({ op: "remove", path: "data/..", recursive: true }),
        wider: () => bridge.files({ op: "read", path: secret, folders: [{ name: "/", path: "/", write: true }] }), other: () => bridge.files({ op: "__proto__", path: "data" }), mkdir: () => bridge.files({ op: "mkdir", path: "data/../x" }),
      });`,
      ),
    blameless: true,
  },
  {
    id: "files-of-a-like-name",
    tries: "reads a folder whose path begins like a granted one, and writes into one that is granted for reading",
    phase: "call",
    stopped: both(FORBIDDEN),
    async attack(attack) {
      const beside = await mkdtemp(join(tmpdir(), "plinth-hostile-room-"));
      const room = join(beside, "room");
      await mkdir(room);
      await mkdir(`${room}-private`);
      await writeFile(join(`${room}-private`, "secret"), attack.facts.canaries[0] as string);
      await writeFile(join(room, "open"), "open");
      await installed(attack, {
        manifest: { permissions: { fs: [`${room}:ro`] } },
        top: PROBE,
        code: `
          const room = ${JSON.stringify(room)};
          await ctx.files.readText(room + "/open");
          return probe({
            beside: () => ctx.files.readText(room + "-private/secret"), up: () => ctx.files.readText(room + "/../" + room.split("/").at(-1) + "-private/secret"), twice: () => ctx.files.readText(room + "//../secret"),
            write: () => ctx.files.write(room + "/open", "changed"), append: () => ctx.files.write(room + "/open", "x", { append: true }), fresh: () => ctx.files.write(room + "/new", "x"), remove: () => ctx.files.remove(room + "/open"), rename: () => ctx.files.rename(room + "/open", room + "/other"), folder: () => ctx.files.makeFolder(room + "/folder"),
          });`,
      });
      const found = await attack.call();
      expect([await readdir(room), await readFile(join(room, "open"), "utf8")]).toEqual([["open"], "open"]);
      await rm(beside, { recursive: true });
      return found;
    },
    blameless: true,
  },
  {
    id: "files-through-links",
    tries: "has links in its folder, of every kind, and asks the host to go through them",
    phase: "call",
    stopped: both([by("broker", "PLINTH_FILE_KIND"), ...FORBIDDEN]),
    async attack(attack) {
      const { facts } = attack;
      await installed(attack, {
        manifest: { permissions: { fs: ["data"] } },
        top: PROBE,
        code: `
          return probe({
            ...Object.fromEntries(["data/link", "data/folder/id_ed25519", "data/folder/../link", "data/proc/environ", "data/self"].map((path) => [path, () => ctx.files.readText(path)])),
            list: () => ctx.files.list("data/folder"), write: () => ctx.files.write("data/folder/new", "x"), replace: () => ctx.files.write("data/link", "x", { append: true }), into: () => ctx.files.rename("data/own", "data/folder/own"), folder: () => ctx.files.makeFolder("data/folder/x"),
          });`,
      });
      const data = join(facts.home, "state", attack.id);
      await mkdir(data, { recursive: true });
      await Promise.all([
        symlink(facts.secretFile, join(data, "link")),
        symlink(facts.outside, join(data, "folder")),
        symlink("/proc/self", join(data, "proc")),
        symlink(".", join(data, "self")),
        writeFile(join(data, "own"), "own"),
      ]);
      const found = await attack.call();
      // Taking a link away takes nothing away behind it; the harness looks at the folder outside.
      await installed(attack, {
        manifest: { version: "1.0.1", permissions: { fs: ["data"] } },
        code: `return say([await ctx.files.remove("data/folder", { recursive: true }).catch((thrown) => thrown.code), await ctx.files.remove("data/link").catch((thrown) => thrown.code)].join());`,
      });
      await attack.call();
      return { ...found, by: "broker" };
    },
    blameless: true,
  },
  {
    id: "files-swapped",
    tries: "swaps a folder for a link while the host goes through it, thousands of times",
    phase: "call",
    stopped: { process: [by("broker", "PLINTH_FILE_KIND"), by("permission model", "ERR_ACCESS_DENIED"), by("inert", "none")] },
    manifest: { permissions: { fs: ["data"] } },
    async attack(attack) {
      const { facts } = attack;
      await installed(attack, {
        manifest: { permissions: { fs: ["data"] } },
        top: 'import fs from "node:fs";',
        code: `
          const data = ctx.dataDir;
          fs.mkdirSync(data + "/real", { recursive: true });
          fs.writeFileSync(data + "/real/id_ed25519", "harmless");
          const seen = new Set();
          const until = Date.now() + 1_200;
          seen.add(await ctx.files.readText("data/real/id_ed25519"));
          let over = false;
          const swapping = (async () => {
            for (let turn = 0; !over; turn++) {
              // The link is its owner's: it is there from the beginning, and takes the folder's name again and again.
              try { fs.renameSync(data + "/real", data + "/aside"); fs.renameSync(data + "/link", data + "/real"); fs.renameSync(data + "/real", data + "/link"); fs.renameSync(data + "/aside", data + "/real"); } catch (thrown) { seen.add(thrown.code); }
              await new Promise((resolve) => setImmediate(resolve));
            }
          })();
          while (Date.now() < until) {
            const texts = await Promise.all(Array.from({ length: 8 }, () => ctx.files.readText("data/real/id_ed25519").catch((thrown) => thrown.code)));
            for (const text of texts) seen.add(text);
            for (const code of await Promise.all([ctx.files.write("data/real/written", "x").then(() => "wrote", (thrown) => thrown.code)])) seen.add(code);
          }
          over = true;
          await swapping;
          return say("saw " + [...seen].sort().join());`,
      });
      const data = join(facts.home, "state", attack.id);
      await mkdir(data, { recursive: true });
      await symlink(facts.outside, join(data, "link"));
      const found = await attack.call();
      expect(found.message).toMatch(/^saw /);
      expect(found.message).toContain("harmless");
      return found;
    },
    blameless: true,
  },
  {
    id: "programs-not-granted",
    tries: "runs other programs than were granted, with other arguments, by paths, with shells in the arguments",
    phase: "call",
    stopped: both([by("broker", "PLINTH_PERMISSION"), by("schema check", "PLINTH_PAYLOAD")]),
    manifest: { permissions: { exec: ["echo hello *", "true"], fs: ["data"] } },
    parts: ({ secretFile, outside }, tier) =>
      bare(
        `programs-not-granted-${tier}`,
        `
      const run = (program, args = [], more = {}) => () => drain(bridge.exec({ program, args, ...more })).then((items) => JSON.stringify(items));
      return probe({
        other: run("cat", [${JSON.stringify(secretFile)}]), shell: run("sh", ["-c", "id"]), path: run("/bin/cat", [${JSON.stringify(secretFile)}]), climb: run("../bin/cat", []), dots: run("./echo", ["hello"]), real: run("/usr/bin/echo", ["hello"]),
        arguments: run("echo", ["goodbye"]), none: run("echo"), joined: run("echo hello", []), split: run("echo", ["hello;id"].concat()), option: run("echo", ["-e", "hello"]), case: run("ECHO", ["hello"]), blank: run(" echo", ["hello"]), nul: run("echo", ["hello", "\\0"]), nulName: run("true\\0cat", []),
        list: run(["echo"], ["hello"]), text: run("echo", "hello x"), object: run({ toString: () => "cat" }, []), empty: run("", []), wide: run("cat", [${JSON.stringify(secretFile)}], { programs: ["*"], folders: [{ name: "/", path: "/", write: true }] }), proto: run("__proto__", []),
        cwd: run("true", [], { cwd: ${JSON.stringify(outside)} }), up: run("true", [], { cwd: "data/.." }),
      });`,
      ),
    async attack(attack) {
      await installed(attack);
      const found = await attack.call();
      return found.code === "PLINTH_PERMISSION" ? { ...found, by: "broker" } : found;
    },
    blameless: true,
  },
  {
    id: "programs-behind-a-wall",
    tries: "looks around with programs that were granted: files, environment, processes, the network, privileges",
    phase: "call",
    stopped: both([by("inert", "none"), by("broker", "PLINTH_SANDBOX")]),
    manifest: { permissions: { exec: ["*"], fs: ["data"] } },
    parts: ({ secretFile, outside, home, gatewayPid, loopbackPort, envName, neighbour }, tier) =>
      bare(
        `programs-behind-a-wall-${tier}`,
        `
      const decoder = new TextDecoder();
      const sh = async (script) => { let text = ""; for await (const item of bridge.exec({ program: "sh", args: ["-c", script] })) { const chunk = item.stdout ?? item.stderr; if (chunk !== undefined) text += decoder.decode(chunk); else text += "[" + item.code + "]"; } return text; };
      const scripts = [
        "cat ${secretFile}", "ls ${outside}", "cat ${home}/installed.json ${home}/plinth.json", "ls ${home}/state/${neighbour}", "cat /etc/passwd /etc/shadow", "ls /root /home", "tr '\\\\0' '\\\\n' < /proc/self/environ | grep ${envName}", "cat /proc/1/environ | grep ${envName}",
        "test -d /proc/${gatewayPid} && echo seen-host", "kill -0 ${gatewayPid} && echo seen-host", "exec 3<>/dev/tcp/127.0.0.1/${loopbackPort} && echo connected", "bash -c 'exec 3<>/dev/tcp/127.0.0.1/${loopbackPort} && echo connected'", "touch /usr/bin/x && echo wrote", "touch ${outside}/x && echo wrote", "touch /x && echo wrote",
        "mount -t proc proc /mnt && echo mounted", "unshare -r true && echo unshared", "grep -c CapEff:.0000000000000000 /proc/self/status", "ln -s ${secretFile} ${home}/state/programs-behind-a-wall.${tier}/link; cat ${home}/state/programs-behind-a-wall.${tier}/link", "ls /proc/self/fd", "cat <&3", "cat <&9",
      ];
      // Nothing of it may wait: each in a shell below the one that was started.
      const all = await sh(scripts.map((script) => "( " + script + " ) </dev/null 2>&1").join("\\n"));
      const text = await bridge.files({ op: "read", path: "data/link" }).then(() => "followed", (thrown) => thrown.code);
      return say(text + " " + all.replaceAll("\\n", " "));`,
      ),
    blameless: true,
    check(_attack, { code, message }) {
      if (code === "PLINTH_SANDBOX") return;
      expect(message).toMatch(/^PLINTH_(FILE_KIND|FILE_MISSING|PERMISSION)/);
      for (const sign of ["seen-host", "connected", "wrote", "mounted", "unshared", "root:", "lockfile", "extensions"])
        expect(message).not.toContain(sign);
    },
  },
  {
    id: "sockets-not-granted",
    tries: "opens WebSockets to hosts and ports that were not granted, to this machine, with secrets, and speaks on those of others",
    phase: "call",
    stopped: both([...FORBIDDEN, by("schema check", "PLINTH_PAYLOAD")]),
    async attack(attack) {
      const { facts } = attack;
      const granted = await site((_request, response) => void response.writeHead(302, { location: `${facts.loopbackUrl}/${attack.tool}` }).end());
      try {
        const url = (host: string) => `ws://${host}/${attack.tool}`;
        const urls = [
          ...[
            `127.0.0.1:${facts.loopbackPort}`,
            `localhost:${facts.loopbackPort}`,
            `[::1]:${facts.loopbackPort}`,
            `2130706433:${facts.loopbackPort}`,
            "169.254.169.254",
            "example.com",
            `${granted.host}@127.0.0.1:${facts.loopbackPort}`,
          ].map(url),
          ...[`ws+unix://${facts.socketPath}:/x`, `file://${facts.secretFile}`, facts.gatewayUrl.replace("http", "ws"), "ws://", "nonsense"],
        ];
        await installed(attack, {
          manifest: { permissions: { net: [granted.host], secrets: [facts.envName] } },
          ...bare(
            attack.tool,
            `
          const handle = "{{plinth-secret:${facts.envName}}}";
          const open = (url, headers = {}) => () => drain(bridge.socket({ url, headers })).then((items) => JSON.stringify(items));
          return probe({
            ...Object.fromEntries(${JSON.stringify(urls)}.map((url) => [url.slice(0, 40), open(url, { authorization: handle })])),
            hosts: () => drain(bridge.socket({ url: ${JSON.stringify(urls[0])}, hosts: ["*", "loopback"], extension: "plinth.plugins" })),
            injected: open(${JSON.stringify(granted.url.replace("http", "ws"))}, { "x-a": "b\\r\\nx-evil: 1" }),
            others: () => Promise.any(Array.from({ length: 20 }, (_, at) => bridge.socketSend(String(at), "x"))).catch(({ errors }) => { throw errors[0]; }),
          });`,
          ),
        });
        const found = await attack.call();
        expect(granted.seen.filter(({ headers }) => "x-evil" in headers)).toEqual([]);
        return found;
      } finally {
        granted.close();
      }
    },
    blameless: true,
  },
  {
    id: "socket-redirected",
    tries: "opens a WebSocket to a granted host that redirects its handshake, with a secret in it, to another one",
    phase: "call",
    stopped: both([by("egress", "PLINTH_NET"), by("inert", "PLINTH_NET")]),
    async attack(attack) {
      const second = await site();
      const first = await site((_request, response) => void response.writeHead(307, { location: second.url }).end());
      try {
        await installed(attack, {
          manifest: { permissions: { net: [first.host, second.host], secrets: [attack.facts.envName] } },
          ...bare(
            attack.tool,
            `return probe({ socket: () => drain(bridge.socket({ url: ${JSON.stringify(first.url.replace("http", "ws"))}, headers: { authorization: "{{plinth-secret:${attack.facts.envName}}}" } })) });`,
          ),
        });
        const found = await attack.call();
        expect(second.seen).toEqual([]);
        return { ...found, by: "egress" };
      } finally {
        first.close();
        second.close();
      }
    },
    blameless: true,
  },
];
