import { both, by, type HostileCase } from "../case.ts";

const protocol = by("frame protocol", "PLINTH_PROTOCOL");
const late = by("deadline", "PLINTH_DEADLINE");
const toFrames = 'import { writeSync, closeSync } from "node:fs";';
/** Writes a frame past everything that would make it well-formed. */
const frame = `const frame = (body, length = Buffer.byteLength(body)) => {
    const head = Buffer.alloc(4); head.writeUInt32BE(length >>> 0);
    let rest = Buffer.concat([head, Buffer.from(body)]);
    while (rest.length > 0) try { rest = rest.subarray(writeSync(3, rest)); } catch (thrown) { if (thrown.code !== "EAGAIN") throw thrown; }
  };`;

const raw: [id: string, tries: string, code: string, stopped: HostileCase["stopped"]["process"]][] = [
  ["half-frame", "begins a frame and never ends it", `frame('[["note"', 5000); await new Promise(() => {});`, late],
  ["huge-frame", "announces a frame of four gigabytes", "frame('[', 0xffffffff); await new Promise(() => {});", by("frame limit", "PLINTH_PROTOCOL")],
  ["garbage-frame", "writes what is no frame", "frame('not json'); await new Promise(() => {});", protocol],
  [
    "unknown-message",
    "writes messages of kinds that there are not",
    `frame('[["constructor",1],["__proto__",2]]'); await new Promise(() => {});`,
    protocol,
  ],
  [
    "slow-frame",
    "writes its frames one byte at a time",
    `const body = '[["ok",9007199254740991,"' + "x".repeat(4000) + '"]]'; const all = Buffer.from(body); const head = Buffer.alloc(4); head.writeUInt32BE(all.length);
    for (const byte of Buffer.concat([head, all])) { writeSync(3, Buffer.from([byte])); await new Promise((resolve) => setTimeout(resolve, 1)); }`,
    late,
  ],
  [
    "call-flood-raw",
    "opens calls by the hundred thousand, past its own side of the protocol",
    `for (let n = 1; n < 100_000; n++) frame('[["call",' + (1e9 + n) + ',"store.get",{"key":"x"},{}]]'); return say("done");`,
    [by("bounded", "none"), late, protocol],
  ],
  [
    "note-flood-raw",
    "writes log lines without end, past its own side of the protocol",
    `for (;;) frame('[["note","log",{"level":"error","message":"' + "x".repeat(900) + '"}]]');`,
    [late, by("log limit", "PLINTH_EXTENSION_EXITED")],
  ],
  [
    "stream-flood-raw",
    "sends items for which it has no credit",
    `for (let n = 0; n < 2e5; n++) frame('[["next",1,"x"]]'); await new Promise(() => {});`,
    [late, protocol],
  ],
  [
    "deep-frame",
    "answers with arrays that are nested a million times",
    `frame('[["ok",9007199254740991,' + "[".repeat(1e6) + "]".repeat(1e6) + ']]'); return say("done");`,
    protocol,
  ],
  [
    "hangs-up",
    "closes its connection and goes on",
    "closeSync(3); for (;;) await new Promise((resolve) => setTimeout(resolve, 10));",
    [by("crash of its own", "PLINTH_EXTENSION_EXITED"), late],
  ],
];

const results: [id: string, tries: string, code: string, stopped: HostileCase["stopped"]][] = [
  [
    "huge-result",
    "answers with eight megabytes",
    'return say("x".repeat(8e6));',
    both([by("frame limit", "PLINTH_PAYLOAD"), by("time limit", "PLINTH_EXTENSION_EXITED")]),
  ],
  ["huge-error", "throws an error of eight megabytes", 'throw new Error("x".repeat(8e6));', both(by("its own error", "PLINTH_EXTENSION_FAILED"))],
  [
    "deep-result",
    "answers with a value that is nested five thousand times",
    'let one = "x"; for (let n = 0; n < 5000; n++) one = [one]; return { ...say("deep"), details: one };',
    both([by("inert", "none"), by("schema check", "PLINTH_PAYLOAD")]),
  ],
  [
    "wide-result",
    "answers with a hundred thousand parts",
    'return { content: Array.from({ length: 100_000 }, () => ({ type: "text", text: "x" })) };',
    both([by("inert", "none"), by("schema check", "PLINTH_PAYLOAD"), by("schema check", "PLINTH_TOOL_RESULT")]),
  ],
  [
    "many-keys",
    "answers with fifty thousand keys",
    "return { ...say('keys'), details: Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => ['k' + n, n])) };",
    both([by("inert", "none"), by("schema check", "PLINTH_PAYLOAD")]),
  ],
  ["wrong-shape", "answers with what is no result", "return 42;", both(by("schema check", "PLINTH_PAYLOAD"))],
];

export const cases: HostileCase[] = [
  ...raw.map(([id, tries, code, process]): HostileCase => ({ id, tries, phase: "call", top: `${toFrames}\n${frame}`, code, stopped: { process } })),
  ...results.map(([id, tries, code, stopped]): HostileCase => ({ id, tries, phase: "call", code, stopped })),
  {
    id: "forged-batches",
    tries: "replaces JSON.stringify and Array.join, so that its side of the protocol writes garbage",
    phase: "call",
    code: 'JSON.stringify = () => "garbage"; Array.prototype.join = () => "]["; return say("x");',
    stopped: both(protocol),
  },
];
