import { both, by, type HostileCase } from "../case.ts";

const exited = by("crash of its own", "PLINTH_EXTENSION_EXITED");
const inside = by("its own error", "PLINTH_EXTENSION_FAILED");
const denied = by("permission model", "ERR_ACCESS_DENIED");

const crashes: [id: string, tries: string, code: string, process: HostileCase["stopped"]["process"], top?: string][] = [
  ["exit-in-call", "ends its process in a call", "process.exit(0);", exited],
  ["exit-underneath", "ends its process past every handler", "process.reallyExit(3);", exited],
  ["abort", "aborts its process", "process.abort();", exited],
  [
    "native-crash",
    "lets the engine run off its stack",
    "setFlagsFromString('--stack-size=900000'); const f = (n) => f(n + 1) + 1; f(0);",
    by("permission model", "PLINTH_EXTENSION_FAILED"),
    'import { setFlagsFromString } from "node:v8";',
  ],
  ["kill-itself", "kills its process", "return attempt(() => process.kill(process.pid, 'SIGKILL'));", by("permission model", "PLINTH_PERMISSION")],
  [
    "kill-parent",
    "kills its parent",
    "return attempt(() => { process.kill(process.ppid, 'SIGKILL'); return process.ppid; });",
    by("permission model", "PLINTH_PERMISSION"),
  ],
  [
    "kill-everything",
    "kills every process that it may",
    "return attempt(() => process.kill(-1, 'SIGKILL'));",
    by("permission model", "PLINTH_PERMISSION"),
  ],
  [
    "unawaited-rejection",
    "rejects a promise nobody awaits",
    "Promise.reject(new Error('nobody')); await new Promise((resolve) => setTimeout(resolve, 300)); return say('on');",
    exited,
  ],
  [
    "throws-in-timer",
    "throws in a timer that nobody awaits",
    "setTimeout(() => { throw new Error('nobody'); }, 1); await new Promise((resolve) => setTimeout(resolve, 300)); return say('on');",
    exited,
  ],
  [
    "fork-bomb",
    "starts itself again, and again",
    "return attempt(() => { for (let n = 0; n < 64; n++) fork(process.argv[1]); return 'started'; });",
    denied,
    'import { fork } from "node:child_process";',
  ],
  [
    "shell-bomb",
    "starts a shell that forks without end",
    "return attempt(() => String(spawnSync('/bin/sh', ['-c', 'f() { f | f & }; f']).error ?? 'started'));",
    denied,
    'import { spawnSync } from "node:child_process";',
  ],
  [
    "worker-bomb",
    "starts threads without end",
    "return attempt(() => { for (;;) new Worker('for (;;);', { eval: true }); });",
    denied,
    'import { Worker } from "node:worker_threads";',
  ],
  [
    "replaces-itself",
    "replaces its process by another program",
    "return attempt(() => process.execve('/bin/sh', ['sh', '-c', 'sleep 60']));",
    denied,
  ],
];

export const cases: HostileCase[] = [
  ...crashes.map(
    ([id, tries, code, process, top = ""]): HostileCase => ({ id, tries, phase: "call", code, top, attack: crashed, stopped: { process } }),
  ),
  { id: "recursion", tries: "recurses without end", phase: "call", code: "const f = (n) => f(n + 1) + 1; return say(f(0));", stopped: both(inside) },
  {
    id: "deep-parser",
    tries: "parses what is nested deeper than any stack",
    phase: "call",
    code: 'return attempt(() => new RegExp("(".repeat(3e6) + ")".repeat(3e6)).test("x"));',
    stopped: both([by("its own error", "SyntaxError"), by("its own error", "RangeError")]),
  },
  {
    id: "isolate-rejection",
    tries: "rejects promises nobody awaits, ten thousand times",
    phase: "call",
    code: "for (let n = 0; n < 10_000; n++) Promise.reject(new Error('nobody ' + n)); await new Promise((resolve) => setTimeout(resolve, 100)); return say('on');",
    stopped: { isolate: by("inert", "none") },
  },
  {
    id: "isolate-timer-throw",
    tries: "throws in a timer that nobody awaits, in an isolate",
    phase: "call",
    code: "setTimeout(() => { throw new Error('nobody'); }, 1); await new Promise((resolve) => setTimeout(resolve, 200)); return say('on');",
    stopped: { isolate: by("inert", "none") },
  },
  {
    id: "throws-at-import",
    tries: "throws while its module is evaluated",
    phase: "activate",
    top: 'throw new Error("at import");',
    stopped: both(by("its own error", "PLINTH_EXTENSION_FAILED")),
  },
  {
    id: "throws-in-activate",
    tries: "throws in activate",
    phase: "activate",
    activate: 'throw new Error("in activate");',
    stopped: both(by("its own error", "PLINTH_EXTENSION_FAILED")),
  },
  {
    id: "exit-in-activate",
    tries: "ends its process in activate",
    phase: "activate",
    activate: "process.exit(0);",
    stopped: { process: exited },
  },
  {
    id: "exit-in-timer",
    tries: "ends its process while nobody calls it",
    phase: "timer",
    activate: "setTimeout(() => process.exit(0), 50);",
    attack: async (attack) => (await attack.install()) ?? attack.fault(),
    stopped: { process: exited },
  },
  {
    id: "dies-each-time",
    tries: "ends its process at each call, and is called again and again",
    phase: "call",
    code: "process.exit(1);",
    async attack(attack) {
      await attack.install();
      await attack.call();
      return attack.call();
    },
    stopped: { process: [by("quarantine", "PLINTH_QUARANTINED"), exited] },
  },
  {
    id: "loops-each-time",
    tries: "loops at each call, and is called again and again",
    phase: "call",
    code: "for (;;);",
    async attack(attack) {
      await attack.install();
      await attack.call();
      return attack.call();
    },
    stopped: both([by("quarantine", "PLINTH_QUARANTINED"), by("watchdog", "PLINTH_EXTENSION_EXITED")]),
  },
];

/** What the system says of an end that it chose itself looks like what the engine says of a full heap. */
async function crashed(attack: Parameters<NonNullable<HostileCase["attack"]>>[0]) {
  const found = (await attack.install()) ?? (await attack.call());
  return found.code === "PLINTH_EXTENSION_EXITED" ? { ...found, by: "crash of its own" as const } : found;
}
