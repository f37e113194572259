import { by, type HostileCase, type Stop } from "../case.ts";

const exited = "PLINTH_EXTENSION_EXITED";
/** Which one notices first depends on how fast it grows. */
const eaten: Stop[] = [by("heap limit", exited), by("memory watch", exited), by("time limit", exited)];
const eatenOutside: Stop[] = [...eaten, by("watchdog", exited), by("deadline", "PLINTH_DEADLINE"), by("crash of its own", exited)];

const hogs: [id: string, tries: string, code: string, stopped?: HostileCase["stopped"]][] = [
  [
    "heap-gradual",
    "fills its heap little by little",
    "const all = []; for (let n = 0; ; n++) { all.push(new Array(1e4).fill(n)); if (n % 50 === 0) await null; }",
  ],
  ["heap-map", "fills a map without end", "const all = new Map(); for (let n = 0; ; n++) all.set('key ' + n, { n });"],
  ["one-allocation", "asks for an array of a thousand million numbers", "return say(new Array(1e9).fill(1.5).length);"],
  ["array-from", "makes an array from a length that lies", "return say(Array.from({ length: 5e8 }, (_, n) => n).length);"],
  [
    "flat-strings",
    "makes and flattens strings of hundreds of megabytes",
    "const all = []; for (let n = 0; ; n++) { const one = (n + 'x').repeat(2e7); all.push(one, one.charCodeAt(1e7), [...one.slice(0, 9)]); Number(one); }",
  ],
  [
    "typed-arrays",
    "fills typed arrays",
    "const all = []; for (;;) all.push(new Uint8Array(32e6).fill(1));",
    { isolate: [by("its own error", "PLINTH_EXTENSION_FAILED"), ...eaten], process: eatenOutside },
  ],
  [
    "resizable-buffers",
    "grows buffers that no engine's limit counts",
    "const all = []; for (;;) { const one = new ArrayBuffer(1, { maxByteLength: 2 ** 28 }); all.push(one); if (one.resize) one.resize(2 ** 28); else throw new RangeError('no resize'); new Uint8Array(one).fill(1); }",
    { isolate: by("no such thing inside", "PLINTH_EXTENSION_FAILED"), process: eatenOutside },
  ],
  [
    "resizable-at-birth",
    "makes resizable buffers that are large from the beginning",
    "const all = []; for (;;) { const one = new ArrayBuffer(2 ** 27, { maxByteLength: 2 ** 27 + 1 }); new Uint8Array(one).fill(1); all.push(one); }",
    { isolate: by("no such thing inside", "PLINTH_EXTENSION_FAILED"), process: eatenOutside },
  ],
  [
    "intl-formats",
    "makes formats of dates that no engine's limit counts",
    "const all = []; for (let n = 0; ; n++) { all.push(new Intl.DateTimeFormat('de', { timeZone: 'Europe/Berlin', dateStyle: 'full' })); all.at(-1).format(n); }",
  ],
  ["symbols", "registers symbols without end", "for (let n = 0; ; n++) Symbol.for('symbol ' + n + 'x'.repeat(100));"],
  [
    "json-expansion",
    "expands a short text into a huge value",
    "let one = '1'; for (let n = 0; n < 26; n++) one = '[' + one + ',' + one + ']'; const all = []; for (;;) all.push(JSON.parse(one));",
  ],
  [
    "wasm-memory",
    "grows memory of WebAssembly",
    "return attempt(() => { const all = []; for (;;) { const one = new WebAssembly.Memory({ initial: 2000 }); new Uint8Array(one.buffer).fill(1); all.push(one); } });",
    { isolate: by("no such thing inside", "ReferenceError"), process: eatenOutside },
  ],
];

export const cases: HostileCase[] = [
  ...hogs.map(
    ([id, tries, code, stopped = { isolate: eatenOutside, process: eatenOutside }]): HostileCase => ({ id, tries, phase: "call", code, stopped }),
  ),
  {
    id: "heap-in-activate",
    tries: "fills its heap in activate",
    phase: "activate",
    activate: "const all = []; for (;;) all.push(new Array(1e5).fill(all.length));",
    stopped: { isolate: [by("heap limit", "PLINTH_EXTENSION_FAILED"), by("time limit", "PLINTH_EXTENSION_FAILED")], process: eatenOutside },
  },
  {
    id: "heap-in-timer",
    tries: "fills memory in a timer, while nobody calls it",
    phase: "timer",
    activate: "const all = []; setInterval(() => { all.push(new Array(1e6).fill(all.length)); }, 1);",
    attack: async (attack) => (await attack.install()) ?? attack.fault(),
    stopped: { isolate: [by("heap limit", "PLINTH_EXTENSION_FAILED"), ...eatenOutside], process: eatenOutside },
  },
  {
    id: "many-contexts",
    tries: "makes contexts of the virtual machine without end",
    phase: "call",
    top: 'import { createContext, runInContext } from "node:vm";',
    code: "const all = []; for (;;) { const one = createContext({}); runInContext('this.x = new Array(1e5).fill(1)', one); all.push(one); }",
    stopped: { process: eatenOutside },
  },
];
