import type { KernelSnapshot, Manifest } from "@plinth/sdk";

type Provided = [contract: string, id: string];

export const manifestOf = (id: string, provides: Provided[] = [], version = "1.0.0"): Manifest => ({
  id,
  version,
  title: `Title of ${id}`,
  description: "For tests.",
  engines: { plinth: "^0.1.0" },
  provides: provides.map(([contract, name]) => ({ contract, version: "1.0.0", id: name, descriptor: {} })),
});

export const counts = {
  calls: 3,
  errors: 1,
  refused: 0,
  activations: 1,
  activateMs: 2.5,
  blockedMs: 0,
  longestBlockMs: 0,
  egressBytes: 0,
};
const fault = { code: "PLINTH_EXTENSION_FAILED", message: "It threw.", phase: "call", at: 1_000, count: 3, next: "Look at its log." };
const blocked = { code: "PLINTH_MISSING", message: "It needs acme.gone.", extension: "acme.blocked", next: "Install acme.gone." };

/** One extension in each state, made by hand: what a kernel that nobody starts would say. */
export function snapshotOf(changes: Partial<KernelSnapshot> = {}): KernelSnapshot {
  return {
    version: "0.1.0",
    home: "/home/of/plinth",
    configFile: "/home/of/plinth/plinth.json",
    config: { extensions: { "acme.active": { config: { port: 8_080, list: [{ name: "first" }], off: false } } } },
    generation: 7,
    draining: [6],
    safeMode: false,
    problems: [{ code: "PLINTH_CONFLICT", message: "Two provide one." }],
    records: [
      { manifest: manifestOf("acme.ready", [["plinth.tool", "look"]]), digest: "d-ready", bundled: true },
      { manifest: manifestOf("acme.quarantined"), digest: "d-quarantined", bundled: false },
      { manifest: manifestOf("acme.active", [["plinth.tool", "dice"]]), digest: "d-active", bundled: true },
      { manifest: manifestOf("acme.disabled"), digest: "d-disabled", bundled: false },
      { manifest: manifestOf("acme.blocked"), digest: "d-blocked", bundled: false },
      { manifest: manifestOf("acme.updated", [], "2.0.0"), digest: "d-new", bundled: false },
    ],
    tiers: new Map([
      ["acme.active", "host"],
      ["acme.ready", "host"],
    ]),
    blocked: new Map([["acme.blocked", blocked]]),
    disabled: new Set(["acme.disabled"]),
    reasons: new Map([
      ["acme.active", ["1.0.0: part of the product", "tier host: first-party"]],
      ["plinth.turns", ["filled by acme.active: the only provider"]],
    ]),
    capabilities: new Map([
      [
        "plinth.tool",
        new Map([
          ["dice", { extension: "acme.active" }],
          ["look", { extension: "acme.ready" }],
        ]),
      ],
    ]),
    hooks: [
      {
        hook: "tool.before",
        contract: "plinth.harness",
        mode: "gate",
        failure: "closed",
        subscribers: [
          { extension: "acme.ready", stage: "early", calls: 4, errors: 0 },
          { extension: "acme.active", stage: "normal", calls: 4, errors: 1 },
        ],
      },
      { hook: "turn.end", contract: "plinth.turns", mode: "observe", failure: "open", subscribers: [] },
    ],
    instances: new Map([
      ["acme.active", { active: true, inFlight: 0, usage: null, counts }],
      ["acme.ready", { active: false, inFlight: 0, usage: null, counts: { ...counts, calls: 0 } }],
    ]),
    faults: new Map([
      ["acme.quarantined", { ...fault, digest: "d-quarantined" }],
      // Struck before its update: the new version starts with a clean sheet.
      ["acme.updated", { ...fault, digest: "d-old" }],
    ]),
    packages: {},
    lock: {
      lockfile: 1,
      extensions: { "acme.quarantined": { version: "1.0.0", source: "folder:/x", digest: "0", pinnedBy: "operator", reason: "asked" } },
    },
    grants: new Map([["acme.quarantined", { consent: "hash", digest: "0", version: "1.0.0", at: 1, by: "test", permissions: {}, asks: [] }]]),
    steps: [{ name: "boot", startMs: 1, durationMs: 2, depth: 0 }],
    ...changes,
  };
}
