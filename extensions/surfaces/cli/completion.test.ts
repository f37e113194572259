import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Command } from "./argv.ts";
import { completions, SCRIPTS } from "./completion.ts";
import manifest from "./plinth.json" with { type: "json" };

const own = manifest.provides
  .filter(({ contract }) => contract === "plinth.cli-command")
  .map(({ id, descriptor }) => ({ id, ...descriptor }) as Command);
const more: Command[] = [
  { id: "x.remove", path: ["x", "remove"], summary: "", args: [{ name: "id", summary: "" }] },
  { id: "x.all", path: ["x", "all"], summary: "", args: [{ name: "ids", summary: "", variadic: true }] },
  { id: "x.of", path: ["x", "of"], summary: "", options: { extension: { type: "string", summary: "" } } },
  { id: "x.hidden", path: ["x", "hidden"], summary: "", hidden: true },
  { id: "x.odd", path: ["x", "$(id)"], summary: "" },
];
const fitting = (...words: string[]): string[] => completions([...own, ...more], words, ["acme.weather", "demo.dice"]);

describe("completion", () => {
  it("knows commands, groups, options and installed ids, each at its place", () => {
    expect(fitting("conf")).toEqual(["config"]);
    expect(fitting("config", "")).toEqual(["get", "path", "set", "undo", "unset", "validate"]);
    expect(fitting("config", "un")).toEqual(["undo", "unset"]);
    expect(fitting("config", "undo", "--")).toEqual(["--force", "--help", "--json", "--list", "--preview", "--to"]);
    expect(fitting("x", "remove", "a")).toEqual(["acme.weather"]);
    expect(fitting("x", "remove", "acme.weather", "")).toEqual([]);
    expect(fitting("x", "all", "acme.weather", "")).toEqual(["acme.weather", "demo.dice"]);
    expect(fitting("config", "undo", "--to", "")).toEqual([]);
    expect(fitting("agent", "--mode", "")).toEqual(["collect", "followup", "interrupt", "steer"]);
    expect(fitting("top", "--sort", "m")).toEqual(["memory"]);
    expect(fitting("x", "of", "--extension", "de")).toEqual(["demo.dice"]);
    expect(fitting("nothing", "")).toEqual([]);
  });

  it("offers nothing hidden, and no word that a shell would read as more than a word", () => {
    expect(fitting("x", "")).toEqual(["all", "of", "remove"]);
  });

  it.each(["bash", "zsh", "fish"])("has a script that %s can read and that asks with the words as they are", async (shell) => {
    const path = ["/bin", "/usr/bin"].map((dir) => join(dir, shell)).find((one) => existsSync(one));
    expect(SCRIPTS[shell]).toContain("plinth --complete -- ");
    if (path === undefined) return void console.log(`skipped: reading the script of ${shell} needs ${shell}, which is not here`);
    const dir = await mkdtemp(join(tmpdir(), "plinth-completion-"));
    try {
      await writeFile(join(dir, "plinth"), '#!/bin/sh\nshift 2\nfor word in "$@"; do echo "got-$word"; done\n', { mode: 0o755 });
      await writeFile(join(dir, "script"), SCRIPTS[shell] as string);
      execFileSync(path, ["-n", join(dir, "script")]);
      if (shell !== "bash") return;
      const ask = `source ${join(dir, "script")}; COMP_WORDS=(plinth config "a b"); COMP_CWORD=2; _plinth; printf '%s|' "\${COMPREPLY[@]}"`;
      const said = execFileSync(path, ["-c", ask], { encoding: "utf8", env: { PATH: `${dir}:/usr/bin:/bin` } });
      expect(said).toBe("got-config|got-a b|");
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
