import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AgentConfig, type AgentsConfig, agentOf } from "./agents.ts";
import type { Binding, Place } from "./bindings.ts";
import { decide } from "./decide.ts";
import { agentIds } from "./ids.ts";

const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const word = fc.constantFrom("a", "b", "c");
const without = (fields: Record<string, unknown>): any =>
  Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [
        name,
        typeof value === "object" && value !== null && !Array.isArray(value) ? without(value as object as never) : value,
      ]),
  );
const agentConfig: fc.Arbitrary<AgentConfig> = fc
  .record({
    title: some(word),
    model: some(word),
    fallbacks: some(fc.array(word, { maxLength: 2 })),
    harness: some(word),
    workspace: some(fc.constantFrom("/w", "/v/")),
    system: some(fc.oneof(word, fc.array(word, { maxLength: 2 }))),
    thinking: some(fc.constantFrom("off", "high")),
    tools: some(fc.record({ allow: some(fc.array(word, { maxLength: 2 })), deny: some(fc.array(word, { maxLength: 2 })) })),
    identity: some(fc.record({ name: some(word), emoji: some(word) })),
  })
  .map((fields) => without(fields));
const agentsConfig: fc.Arbitrary<AgentsConfig> = fc
  .tuple(agentConfig, some(agentConfig), fc.dictionary(fc.constantFrom("ada", "bob", "main"), agentConfig, { maxKeys: 3 }))
  .map(([top, defaults, entries]) => {
    const { title: _, ...shared } = defaults ?? {};
    return { ...top, agents: { ...(defaults === undefined ? {} : { defaults: shared }), entries } };
  });

/** The merge once more, field by field and without the code under test. */
function reference(config: AgentsConfig, id: string) {
  const layers: AgentConfig[] = [];
  if (config.agents?.entries?.[id]) layers.push(config.agents.entries[id]);
  if (id === "main") layers.push(config);
  if (config.agents?.defaults) layers.push(config.agents.defaults);
  const first = (name: keyof AgentConfig): any => layers.map((one) => one[name]).find((value) => value !== undefined);
  const own = layers.filter((one) => one !== config.agents?.defaults);
  const workspace = own.map((one) => one.workspace).find((value) => value !== undefined);
  const parent = config.agents?.defaults?.workspace;
  const identity: any = {};
  for (const field of ["name", "emoji"] as const)
    for (const layer of layers) if (identity[field] === undefined && layer.identity?.[field] !== undefined) identity[field] = layer.identity[field];
  const allow = layers.map((one) => one.tools?.allow).find((value) => value !== undefined);
  const deny = new Set(layers.flatMap((one) => one.tools?.deny ?? []));
  const system = first("system") ?? [];
  const wanted: any = {
    id,
    title: first("title") ?? identity.name ?? id[0]?.toUpperCase() + id.slice(1),
    model: first("model") ?? "auto",
    harness: first("harness") ?? "native",
    system: Array.isArray(system) ? system : [system],
  };
  if (first("fallbacks")) wanted.fallbacks = first("fallbacks");
  if (first("thinking")) wanted.thinking = first("thinking");
  if (workspace ?? parent) wanted.workspace = workspace ?? `${parent?.replace(/\/$/, "")}/${id}`;
  if (allow !== undefined || deny.size > 0) wanted.tools = { ...(allow ? { allow } : {}), ...(deny.size > 0 ? { deny: [...deny].sort() } : {}) };
  if (Object.keys(identity).length > 0) wanted.identity = identity;
  return wanted;
}

const peer = fc.record({ kind: fc.constantFrom("person" as const, "group" as const), id: fc.constantFrom("1", "2") });
const binding: fc.Arbitrary<Binding> = fc
  .record({
    agent: fc.constantFrom("main", "ada", "bob", "gone"),
    channel: fc.constantFrom("chat", "mail"),
    account: some(fc.constantFrom("default", "ops", "*")),
    peer: some(fc.record({ kind: fc.constantFrom("person" as const, "group" as const), id: fc.constantFrom("1", "2", "*") })),
    thread: some(fc.constantFrom("t1", "t2")),
    guild: some(fc.constantFrom("g1", "g2")),
    team: some(fc.constantFrom("T1")),
    roles: some(fc.constantFrom(["admin"], ["admin", "guest"])),
  })
  .map(({ agent, thread, roles, ...match }) => ({
    agent,
    match: without({ ...match, thread: match.peer === undefined ? undefined : thread, roles: match.guild === undefined ? undefined : roles }),
  }));
const place: fc.Arbitrary<Place> = fc
  .record({
    channel: fc.constantFrom("chat", "mail"),
    account: fc.constantFrom("default", "ops", "other"),
    peer,
    thread: some(fc.constantFrom("t1", "t2")),
    within: some(fc.record({ guild: some(fc.constantFrom("g1", "g2")), team: some(fc.constant("T1")), parent: some(peer) })),
    roles: fc.subarray(["admin", "guest", "other"]),
  })
  .map(({ within, roles, ...address }) => without({ address, within, roles }));

/** The number of a binding's tier, 1 to 8; 9: it does not fit. */
function tierOf({ match }: Binding, { address, within, roles = [] }: Place, defaults: Record<string, string>): number {
  const meant = match.account ?? defaults[match.channel] ?? "default";
  const inAll =
    match.channel === address.channel &&
    (meant === "*" || meant === address.account) &&
    (match.guild === undefined || match.guild === within?.guild) &&
    (match.team === undefined || match.team === within?.team) &&
    (match.roles === undefined || match.roles.some((role) => roles.includes(role))) &&
    (match.thread === undefined || match.thread === address.thread);
  if (!inAll) return 9;
  if (match.peer) {
    const is = (other?: { kind: string; id: string }) => other?.kind === match.peer?.kind && other?.id === match.peer?.id;
    if (match.peer.id === "*") return match.peer.kind === address.peer.kind ? 3 : 9;
    if (is(address.peer)) return match.thread === address.thread ? 1 : 2;
    return is(within?.parent) && match.thread === undefined ? 2 : 9;
  }
  if (match.guild) return match.roles ? 4 : 5;
  if (match.team) return 6;
  return match.account === "*" ? 8 : 7;
}

const entries = { ada: {}, bob: {} };
const defaultAccounts = fc.constantFrom<Record<string, string>>({}, { chat: "ops" });

describe("agents", () => {
  it("are what a merge written field by field says, in each of 300 configurations", () => {
    fc.assert(
      fc.property(agentsConfig, (config) => {
        for (const id of agentIds(config)) {
          const { tools, ...agent } = agentOf(config, id);
          const sorted = tools?.deny === undefined ? tools : { ...tools, deny: [...tools.deny].sort() };
          expect({ ...agent, ...(sorted === undefined ? {} : { tools: sorted }) }).toEqual(reference(config, id));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("bindings", () => {
  it("decide as the nine tiers say, for 500 sets of them", () => {
    fc.assert(
      fc.property(
        fc.array(binding, { maxLength: 12 }),
        fc.array(place, { minLength: 1, maxLength: 6 }),
        defaultAccounts,
        (bindings, places, defaultAccounts) => {
          for (const one of places) {
            const tiers = bindings.map((each) => tierOf(each, one, defaultAccounts));
            const wanted = Math.min(9, ...tiers);
            const at = wanted === 9 ? undefined : tiers.indexOf(wanted);
            const { address, within, roles = [] } = one;
            const decision = decide(
              { agents: { entries }, bindings, defaultAccounts },
              { address, ...(within ? { within } : {}), from: { roles: [...roles] } },
              false,
            );
            expect(decision.binding).toBe(at);
            expect(decision.agent).toBe(at === undefined ? "main" : bindings[at]?.agent);
            expect(decision.action).toBe(decision.agent === "gone" ? "refuse" : undefined);
            expect(decision.passed.map(({ binding }) => binding)).toEqual(bindings.flatMap((_, each) => (each === at ? [] : [each])));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("are in the configuration's order only within a tier", () => {
    fc.assert(
      fc.property(fc.array(binding, { maxLength: 10 }), place, fc.infiniteStream(fc.nat()), (bindings, one, random) => {
        const { address, within, roles = [] } = one;
        const said = { address, ...(within ? { within } : {}), from: { roles: [...roles] } };
        // Shuffled, and then the tiers' own order put back: only whoever stands in another tier changed places.
        const keyed = bindings.map((each, at) => ({ each, at, tier: tierOf(each, one, {}), where: random.next().value as number }));
        const shuffled = [...keyed].sort((a, b) => a.where - b.where);
        for (const tier of new Set(keyed.map((each) => each.tier))) {
          const slots = shuffled.flatMap((each, slot) => (each.tier === tier ? [slot] : []));
          const ordered = keyed.filter((each) => each.tier === tier);
          for (const [nth, slot] of slots.entries()) shuffled[slot] = ordered[nth] as (typeof keyed)[number];
        }
        const { agent, sessionKey, tier } = decide({ agents: { entries }, bindings }, said, false);
        expect(decide({ agents: { entries }, bindings: shuffled.map(({ each }) => each) }, said, false)).toMatchObject({ agent, sessionKey, tier });
      }),
      { numRuns: 300 },
    );
  });
});
