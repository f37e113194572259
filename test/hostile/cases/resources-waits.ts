import { both, by, type HostileCase } from "../case.ts";

const late = by("deadline", "PLINTH_DEADLINE");
export const cases: HostileCase[] = [
  {
    id: "never-activates",
    tries: "never finishes activate",
    phase: "activate",
    activate: "await new Promise(() => {});",
    slow: ["isolate", "process"],
    stopped: both(late),
  },
  {
    id: "never-answers",
    tries: "never answers a call",
    phase: "call",
    code: "await new Promise(() => {});",
    stopped: both(late),
  },
  {
    id: "thenable-result",
    tries: "answers with a thenable that never settles",
    phase: "call",
    code: "return { then() {} };",
    stopped: both(late),
  },
  {
    id: "never-answers-hook",
    tries: "never answers a hook of every message",
    phase: "hook",
    alone: true,
    manifest: { provides: [], hooks: [{ on: "message.received", deadlineMs: 200 }] },
    module: `import { defineExtension } from "@plinth/sdk";
      export default defineExtension({ activate(ctx) { ctx.hooks.on("message.received", () => new Promise(() => {})); } });`,
    stopped: both(late),
  },
  {
    id: "never-stops",
    tries: "never finishes when it is stopped",
    phase: "stop",
    activate: 'ctx.effect("never", () => new Promise(() => {}));',
    attack: stopped,
    blameless: true,
    stopped: both(by("deadline", "none")),
  },
  {
    id: "loops-when-stopped",
    tries: "loops for ever when it is stopped",
    phase: "stop",
    activate: 'ctx.effect("loop", () => { for (;;); });',
    attack: stopped,
    blameless: true,
    stopped: both(by("deadline", "none")),
  },
  {
    id: "refuses-to-die",
    tries: "takes away every way to end itself, and goes on when it is stopped",
    phase: "stop",
    activate: `const never = () => {};
      if (typeof process === "object") {
        for (const name of ["exit", "reallyExit", "abort", "kill", "emit"]) try { process[name] = never; } catch {}
        for (const name of ["SIGTERM", "SIGINT", "SIGHUP", "exit", "beforeExit"]) process.on?.(name, never);
      }
      setInterval(never, 10);
      ctx.effect("again", () => { setInterval(never, 1); });`,
    attack: stopped,
    blameless: true,
    stopped: both(by("deadline", "none")),
  },
];

/** Its owner uninstalls it, and that ends; the harness sees that no process remains. */
async function stopped(attack: Parameters<NonNullable<HostileCase["attack"]>>[0]) {
  const refused = await attack.install();
  if (refused !== null) return refused;
  const { text } = await attack.send(`use ${attack.tool}`);
  if (!text.includes("fine")) throw new Error(`it did not run: ${text}`);
  await attack.uninstall(attack.id);
  return { code: "none", message: "", by: "deadline" as const };
}
