import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { codeCacheOf } from "./code-cache.ts";
import { assertPrivateHome, examineHome } from "./examination.ts";
import { makePrivateHome } from "./home-folder.ts";
import { mendHome } from "./mending.ts";

let above: string;
let home: string;
beforeEach(() => {
  above = mkdtempSync(join(tmpdir(), "plinth-home-"));
  home = join(above, "home");
  for (const folder of ["state/plinth.gateway", "state/acme.dice", "store/abc", "cache/compile/v1", "workspace"]) {
    mkdirSync(join(home, folder), { recursive: true, mode: 0o700 });
  }
  for (const file of FILES) writeFileSync(join(home, file), "{}", { mode: 0o600 });
});
afterEach(() => rmSync(above, { recursive: true, force: true }));

const FILES = ["plinth.json", "plinth.lock", "index.json", "installed.json", "secrets.json", "state/plinth.gateway/token"];
const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;
const problems = (of = home): string[] => examineHome(of).flatMap(({ severity, path, code }) => (severity === "problem" ? [`${code} ${path}`] : []));

describe("a home", () => {
  it("for its owner alone, with a workspace and data of third parties that are not, is well", () => {
    for (const path of ["workspace", "state/acme.dice"]) chmodSync(join(home, path), 0o777);
    expect(examineHome(home)).toEqual([]);
    expect(() => assertPrivateHome(home)).not.toThrow();
  });

  it.each(["", ...FILES, "state", "state/plinth.gateway", "store"])("is refused when the group or everybody can write %j", (path) => {
    for (const bits of [0o020, 0o002, 0o022]) {
      chmodSync(join(home, path), modeOf(join(home, path)) | bits);
      expect(problems()).toEqual([`PLINTH_HOME_OPEN ${join(home, path)}`]);
      expect(() => assertPrivateHome(home)).toThrow(
        expect.objectContaining({ code: "PLINTH_HOME_OPEN", next: expect.stringContaining("plinth doctor --fix") }),
      );
      chmodSync(join(home, path), modeOf(join(home, path)) & ~bits);
    }
  });

  it("is refused in a folder whose entries others can replace, unless that folder is sticky; the words say how to mend it", () => {
    for (const mode of [0o777, 0o770, 0o702]) {
      chmodSync(above, mode);
      expect(problems()).toEqual([`PLINTH_HOME_OPEN ${above}`]);
      expect(examineHome(home)[0]?.next).toContain(`chmod go-w ${above}`);
      expect(mendHome(home).done).toEqual([]);
      expect(problems(join(above, "not-there-yet"))).toEqual([`PLINTH_HOME_OPEN ${above}`]);
    }
    chmodSync(above, 0o1777);
    expect(problems()).toEqual([]);
  });

  it("is told, not refused, when others can only look into it or read its token", () => {
    chmodSync(home, 0o755);
    chmodSync(join(home, "state/plinth.gateway/token"), 0o644);
    expect(examineHome(home).map(({ severity, code }) => [severity, code])).toEqual([
      ["notice", "PLINTH_HOME_READABLE"],
      ["notice", "PLINTH_HOME_READABLE"],
    ]);
  });

  it("may have a configuration that is a link, but not to a file that others can write", () => {
    const elsewhere = join(above, "dotfiles.json");
    writeFileSync(elsewhere, "{}", { mode: 0o600 });
    rmSync(join(home, "plinth.json"));
    symlinkSync(elsewhere, join(home, "plinth.json"));
    expect(problems()).toEqual([]);
    chmodSync(elsewhere, 0o666);
    expect(problems()).toEqual([`PLINTH_HOME_OPEN ${join(home, "plinth.json")}`]);
    expect(mendHome(home).left).toHaveLength(1);
    expect(modeOf(elsewhere)).toBe(0o666);
  });

  it.runIf(process.getuid?.() === 0)(
    "of root may hold folders of users that root gave to extensions, and of nobody else; the gateway's is no extension's",
    () => {
      const own = join(home, "state/plinth.own");
      mkdirSync(own);
      for (const [path, uid, codes] of [
        [own, 1_900_000_000, []],
        [own, 1_000, ["PLINTH_HOME_FOREIGN"]],
        [own, 0, []],
        [join(home, "state/plinth.gateway"), 1_900_000_000, ["PLINTH_HOME_FOREIGN"]],
      ] as const) {
        chownSync(path, uid, uid);
        expect(
          problems().map((one) => one.split(" ")[0]),
          `${path} ${uid}`,
        ).toEqual(codes);
        chownSync(path, 0, 0);
      }
    },
  );

  it("of another user is refused, whoever asks", () => {
    const other = (process.getuid?.() ?? 0) + 1;
    expect(examineHome(home, other).map(({ code }) => code)).toContain("PLINTH_HOME_FOREIGN");
    const { done, left } = mendHome(home, other);
    expect([done, left.some(({ mendable }) => mendable)]).toEqual([[], false]);
  });

  it("that cannot be made is told with the folder and what to choose instead", () => {
    writeFileSync(join(above, "a-file"), "");
    expect(() => makePrivateHome(join(above, "a-file/home"))).toThrow(
      expect.objectContaining({
        code: "PLINTH_HOME_UNUSABLE",
        message: expect.stringContaining("a-file/home"),
        next: expect.stringContaining("PLINTH_HOME=DIR"),
      }),
    );
  });

  it("that is no folder is refused as that, and never changed", () => {
    const file = join(above, "a-file");
    writeFileSync(file, "mine", { mode: 0o666 });
    chmodSync(file, 0o666);
    for (const path of [file, "/dev/null"]) {
      const before = modeOf(path);
      expect(() => makePrivateHome(path)).toThrow(
        expect.objectContaining({
          code: "PLINTH_HOME_UNUSABLE",
          message: expect.stringContaining("not a folder"),
          next: expect.stringContaining("PLINTH_HOME=DIR"),
        }),
      );
      expect(mendHome(path)).toMatchObject({ done: [], left: [{ code: "PLINTH_HOME_UNUSABLE", mendable: false }] });
      expect(modeOf(path)).toBe(before);
    }
  });

  it.runIf(existsSync("/proc/1"))("that the system will not make is refused, at once", () => {
    for (const path of ["/proc/1/x", "/proc/1/x/y/z"]) {
      const script = `const m = await import(${JSON.stringify(join(import.meta.dirname, "home-folder.ts"))}); try { m.makePrivateHome(${JSON.stringify(path)}); } catch (error) { console.log(error.code, error.next); }`;
      // Without the mend it runs for ever, which no test in this process could tell.
      const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
        timeout: 20_000,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      expect(said).toMatch(/^PLINTH_HOME_UNUSABLE Choose a folder/);
    }
  });

  it.each(["0000", "0022", "0777"])("is made for its owner alone under umask %s", (mask) => {
    const fresh = join(above, "fresh");
    const script = `process.umask(0o${mask}); const m = await import(${JSON.stringify(join(import.meta.dirname, "home-folder.ts"))}); m.makePrivateHome(${JSON.stringify(fresh)});`;
    execFileSync(process.execPath, ["--input-type=module", "-e", script]);
    expect([modeOf(fresh), modeOf(join(fresh, "state"))]).toEqual([0o700, 0o700]);
    makePrivateHome(fresh);
  });
});

describe("mending a home", () => {
  it("that was made under umask 000 closes it, throws away what others could have planted and says what to look through", () => {
    for (const path of ["", "state", "state/plinth.gateway", "state/acme.dice", "store", "store/abc", "cache", "cache/compile"])
      chmodSync(join(home, path), 0o777);
    for (const file of FILES) chmodSync(join(home, file), 0o666);
    writeFileSync(join(home, "installed.json"), JSON.stringify({ installed: 1, grants: { "acme.dice": {} }, records: [{ manifest: {} }] }));
    const { done, left } = mendHome(home);
    expect(left).toEqual([]);
    expect(JSON.parse(readFileSync(join(home, "installed.json"), "utf8"))).toEqual({ installed: 1, grants: { "acme.dice": {} }, records: [] });
    expect(done.join("\n")).toMatch(
      /look through plinth\.json, secrets\.json and what is granted[\s\S]*gateway's token[\s\S]*Taken from others: \d+ files/,
    );
    for (const path of ["", "state", "state/plinth.gateway", "state/acme.dice", "store", "store/abc"]) expect(modeOf(join(home, path))).toBe(0o700);
    for (const file of ["plinth.json", "plinth.lock", "installed.json", "secrets.json"]) expect(modeOf(join(home, file))).toBe(0o600);
    for (const gone of ["index.json", "cache", "state/plinth.gateway/token"]) expect(existsSync(join(home, gone))).toBe(false);
  });

  it("makes a new token necessary when others could read it, also in the gateway's announcement", () => {
    for (const name of ["token", "running.json"]) {
      const token = join(home, "state/plinth.gateway/token");
      writeFileSync(token, "x", { mode: 0o600 });
      writeFileSync(join(home, "state/plinth.gateway", name), "{}", { mode: 0o600 });
      chmodSync(join(home, "state/plinth.gateway", name), 0o644);
      expect(mendHome(home).done.join()).toContain("the next start makes a new one");
      expect([existsSync(token), examineHome(home)]).toEqual([false, []]);
    }
  });

  it("leaves the workspace, links and what they lead to, and never opens anything", () => {
    const outside = join(above, "outside");
    writeFileSync(outside, "mine", { mode: 0o666 });
    chmodSync(outside, 0o666);
    symlinkSync(outside, join(home, "state/link"));
    chmodSync(join(home, "workspace"), 0o777);
    chmodSync(join(home, "state"), 0o770);
    writeFileSync(join(home, "store/abc/tool"), "", { mode: 0o500 });
    mendHome(home);
    expect([modeOf(outside), modeOf(join(home, "workspace")), modeOf(join(home, "state")), modeOf(join(home, "store/abc/tool"))]).toEqual([
      0o666, 0o777, 0o700, 0o700,
    ]);
  });

  it("does nothing to a home that is well", () => {
    expect(mendHome(home)).toEqual({ done: [], left: [] });
  });
});

describe("the cache of the host's compiled code", () => {
  const planted = "cache/compile/v1/planted";

  it("is used as it is when nobody else can change it", () => {
    writeFileSync(join(home, planted), "kept", { mode: 0o600 });
    expect(codeCacheOf(home)).toBe(join(home, "cache/compile"));
    expect(readFileSync(join(home, planted), "utf8")).toBe("kept");
  });

  it.each([
    ["the group can write its folder", () => chmodSync(join(home, "cache"), 0o770)],
    ["the group can write a version's folder", () => chmodSync(join(home, "cache/compile/v1"), 0o770)],
    ["everybody can write a file in it", () => chmodSync(join(home, planted), 0o666)],
    [
      "it is a link to somewhere else",
      () => {
        rmSync(join(home, "cache"), { recursive: true });
        mkdirSync(join(above, "theirs/compile/v1"), { recursive: true });
        writeFileSync(join(above, "theirs/compile/v1/planted"), "code");
        symlinkSync(join(above, "theirs"), join(home, "cache"));
      },
    ],
  ])("is thrown away when %s", (_what, open) => {
    writeFileSync(join(home, planted), "code", { mode: 0o600 });
    open();
    expect(codeCacheOf(home)).toBe(join(home, "cache/compile"));
    expect(existsSync(join(home, planted))).toBe(false);
    expect([modeOf(join(home, "cache")), lstatSync(join(home, "cache")).isSymbolicLink()]).toEqual([0o700, false]);
  });

  it("is done without where it cannot be made", () => {
    rmSync(join(home, "cache"), { recursive: true });
    writeFileSync(join(home, "cache"), "", { mode: 0o600 });
    expect(codeCacheOf(home)).toBe(null);
  });
});
