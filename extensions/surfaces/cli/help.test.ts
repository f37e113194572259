import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Command } from "./argv.ts";
import { renderHelp } from "./help.ts";
import manifest from "./plinth.json" with { type: "json" };

const own = manifest.provides
  .filter(({ contract }) => contract === "plinth.cli-command")
  .map(({ id, descriptor }) => ({ id, ...descriptor }) as Command);

describe("help", () => {
  it("has every visible command on the first page: the first ones, single ones, and the others by their groups", () => {
    const hidden: Command = { id: "secret", path: ["secret"], summary: "Not shown", hidden: true };
    const page = renderHelp([...own, hidden], [], { version: "1.2.3" });
    expect(page).toContain("plinth 1.2.3");
    const [, first = "", single = "", groups = ""] = /Start here\n([\s\S]*)\nCommands\n([\s\S]*)\nGroups\n([\s\S]*)\nOptions/.exec(page) ?? [];
    const flat = (text: string): string => text.replace(/\s+/g, " ");
    for (const { path, summary } of own) {
      const [group = "", ...rest] = path;
      const several = own.filter((one) => one.path[0] === group).length > 1;
      if (several && rest.length > 0) expect(flat(groups)).toMatch(new RegExp(`\\b${group} [^\\n]*\\b${rest.join(" ")}\\b`));
      else expect(flat(first + single)).toContain(`${path.join(" ")} ${summary}`);
    }
    expect(flat(first)).toContain("config set Set one value");
    expect(page).not.toContain("secret");
  });

  it("shows the commands of a group only", () => {
    const page = renderHelp(own, ["config"]);
    expect(page).toContain("config set");
    expect(page).not.toContain("sessions list");
  });

  it("shows usage, arguments, options and examples of a command", () => {
    const page = renderHelp(own, ["agent"]);
    expect(page).toContain("plinth agent --message TEXT [options]");
    expect(page).toMatch(/-m, --message TEXT +What to say \(required\)/);
    expect(page).toContain('plinth agent -m "What is the weather in Oslo?"');
    expect(renderHelp(own, ["config", "set"])).toContain("plinth config set PATH VALUE");
    expect(renderHelp(own, ["sessions", "show"])).toContain("plinth sessions show [SESSION] [options]");
  });

  it("fits the terminal and colours only when asked", () => {
    const long: Command = { id: "x", path: ["x"], summary: "word ".repeat(60).trim() };
    for (const line of renderHelp([...own, long], [], { columns: 60 }).split("\n")) expect(line.length).toBeLessThanOrEqual(60);
    expect(renderHelp(own, [], { color: false })).not.toContain("\u001b");
    expect(renderHelp(own, [], { color: true })).toContain("\u001b[1m");
  });

  it("lets no descriptor steer the terminal", () => {
    expect(renderHelp([{ id: "x", path: ["x"], summary: "\u001b[2Jgone\u0007" }], [])).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it("imports nothing, and neither do the matcher and the completion, so that the launcher can bundle them", () => {
    for (const file of ["help.ts", "argv.ts", "completion.ts"]) {
      const source = readFileSync(new URL(file, import.meta.url), "utf8");
      expect(source.match(/^import (?!type)/gm)).toBeNull();
    }
  });
});
