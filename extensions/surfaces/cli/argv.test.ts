import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Command, matchArgv } from "./argv.ts";

const commands: Command[] = [
  { id: "status", path: ["status"], summary: "" },
  { id: "config.get", path: ["config", "get"], summary: "", args: [{ name: "path", summary: "" }] },
  {
    id: "config.set",
    path: ["config", "set"],
    summary: "",
    where: "local",
    args: [
      { name: "path", summary: "", required: true },
      { name: "value", summary: "", required: true },
    ],
  },
  { id: "run", path: ["run"], summary: "", args: [{ name: "words", summary: "", variadic: true }] },
  {
    id: "agent",
    path: ["agent"],
    summary: "",
    options: {
      message: { type: "string" as const, short: "m", summary: "", required: true },
      quiet: { type: "boolean" as const, short: "q", summary: "" },
      constructor: { type: "boolean" as const, summary: "" },
    },
  },
];
const match = (...argv: string[]) => matchArgv(commands, argv);

describe("matching a command line", () => {
  it("takes the longest path that fits and gives the rest to the arguments", () => {
    expect(match("config", "set", "log.level", "debug")).toMatchObject({
      path: ["config", "set"],
      where: "local",
      args: { path: "log.level", value: "debug" },
    });
  });

  it.each([[["agent", "--message", "hi"]], [["agent", "--message=hi"]], [["agent", "-m", "hi"]], [["agent", "-mhi"]], [["agent", "-m=hi"]]])(
    "reads the same option from %j",
    (argv) => {
      expect(match(...argv)).toMatchObject({ options: { message: "hi" }, where: "any" });
      expect(match(...argv).error).toBeUndefined();
    },
  );

  it("reads joined short options and values that begin with a dash", () => {
    expect(match("agent", "-qm", "- a list").options).toEqual({ quiet: true, message: "- a list" });
    expect(match("agent", "--quiet=false", "-m", "x").options).toEqual({ quiet: false, message: "x" });
  });

  it("does not swallow an option as the value of another", () => {
    expect(match("agent", "-m", "--json").error?.message).toBe("--message needs a value");
    expect(match("agent", "-m").error?.message).toBe("--message needs a value");
  });

  it("understands --json, --help and --version wherever they stand", () => {
    expect(match("--json", "status")).toMatchObject({ json: true, command: { id: "status" } });
    expect(match("config", "--json", "get")).toMatchObject({ json: true, command: { id: "config.get" } });
    expect(match("agent", "-h")).toMatchObject({ help: true, command: { id: "agent" } });
    expect(match("agent", "-h").error).toBeUndefined();
    expect(match("help", "config", "set")).toMatchObject({ help: true, path: ["config", "set"] });
    expect(match("help", "confg")).toMatchObject({ help: false, error: { suggestion: "plinth config" } });
    expect(match("-V")).toMatchObject({ version: true });
    expect(match()).toMatchObject({ help: true, path: [] });
  });

  it("takes everything after -- as words", () => {
    expect(match("run", "--", "--json", "-x").args).toEqual({ words: ["--json", "-x"] });
    expect(match("run", "--", "--json").json).toBe(false);
  });

  it.each([
    [["statsu"], 'unknown command "statsu"', "plinth status"],
    [["config", "gte"], 'unknown command "config gte"', "plinth config get"],
    [["agent", "--mesage", "x"], "unknown option --mesage", "--message"],
    [["--jsno", "status"], "unknown option --jsno", "--json"],
    [["zzzzzz"], 'unknown command "zzzzzz"', undefined],
    [["config", "set", "x"], "argument VALUE is missing", undefined],
    [["agent"], "option --message is missing", undefined],
    [["status", "now"], 'unexpected argument "now"', undefined],
    [["agent", "--quiet=maybe", "-m", "x"], "--quiet takes no value", undefined],
    [["agent", "--__proto__", "-m", "x"], "unknown option --__proto__", undefined],
    [["agent", "--tostring", "-m", "x"], "unknown option --tostring", undefined],
  ])("refuses %j", (argv, message, suggestion) => {
    expect(match(...argv).error).toEqual({ message, ...(suggestion ? { suggestion } : {}) });
  });

  it("treats names of the language's own as ordinary options", () => {
    expect(match("agent", "-m", "x", "--constructor").options.constructor).toBe(true);
    expect(Object.hasOwn(match("agent", "-m", "x").options, "constructor")).toBe(false);
  });

  it("lets a second claimant of a path lose to the command that is named after it", () => {
    const shadow: Command = { id: "aaa", path: ["status"], summary: "" };
    expect(matchArgv([shadow, ...commands], ["status"]).command?.id).toBe("status");
  });

  it("never throws, and either understands a line or says what is wrong with it", () => {
    const word = fc.oneof(
      fc.constantFrom("config", "set", "get", "agent", "run", "status", "help", "--json", "-h", "-m", "-q", "--", "-", "--message=x", "-qm"),
      fc.string({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
        const found = match(...argv);
        expect(found.error !== undefined || found.help || found.version || found.command !== undefined || found.path.length > 0).toBe(true);
        if (found.error) expect(found.error.message).not.toBe("");
      }),
    );
  });

  it("gives back whatever values were put in", () => {
    const value = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(value, fc.array(value, { maxLength: 5 }), (message, words) => {
        expect(match("agent", `--message=${message}`).options).toEqual({ message });
        expect(match("run", "--", ...words).args).toEqual(words.length > 0 ? { words } : {});
      }),
    );
  });
});
