import type { Address } from "@plinth/sdk";
import { addressText } from "@plinth/sdk/kits/channel";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DmScope } from "./bindings.ts";
import { decide, type RouterConfig } from "./decide.ts";
import { agentIn, conversationOf, keyOf } from "./session-key.ts";

const person = (id: string, channel = "chat", account = "default"): Address => ({ channel, account, peer: { kind: "person", id } });
const keys = (config: RouterConfig, address: Address, owner = false) => decide(config, { address }, owner).sessionKey;
const identities = { ada: ["chat/default/person/1", "mail/*/person/ada@home"] };

describe("the key of a conversation", () => {
  it("is the address of where it is, and with another agent stands behind its name", () => {
    expect(keys({}, person("1"))).toBe("chat/default/person/1");
    const config = { agents: { entries: { desk: {} } }, bindings: [{ agent: "desk", match: { channel: "chat" } }] };
    expect(keys(config, person("1"))).toBe("agent:desk:chat/default/person/1");
    expect(agentIn(keys(config, person("1")))).toBe("desk");
    expect(keys(config, person("1", "chat", "ops"))).toBe("chat/ops/person/1");
  });

  it("says which agent it is of, whatever is bound since, and those of main say nothing", () => {
    const config = { agents: { entries: { desk: {} } }, bindings: [{ agent: "desk", match: { channel: "chat" } }] };
    expect(decide(config, { sessionKey: "agent:desk:trip" }, true)).toMatchObject({ agent: "desk", sessionKey: "agent:desk:trip", tier: "session" });
    expect(decide(config, { sessionKey: "trip" }, true)).toMatchObject({ agent: "main", sessionKey: "trip" });
    expect(decide(config, { sessionKey: "chat/default/person/1" }, true)).toMatchObject({ agent: "main" });
    expect(decide(config, { sessionKey: "trip", agent: "desk" }, true)).toMatchObject({ agent: "desk", sessionKey: "agent:desk:trip" });
    expect(decide(config, { agent: "desk" }, true)).toMatchObject({ sessionKey: "agent:desk:main" });
    // An agent that is gone takes its conversations with it: main neither reads nor goes on with them.
    for (const said of [{ sessionKey: "agent:gone:trip" }, { agent: "gone" }, { sessionKey: "agent:desk:trip", agent: "main" }])
      expect(() => decide(config, said, true)).toThrow(expect.objectContaining({ code: "PLINTH_NO_AGENT" }));
  });

  it("is one for a person on each account, on each channel, or wherever the person is known", () => {
    const at = (dmScope: DmScope, address: Address, owner = false) => keys({ session: { dmScope }, identities }, address, owner);
    const [chat, work, mail] = [person("1"), person("1", "chat", "work"), person("ada@home", "mail", "x")];
    expect([chat, work].map((one) => at("per-account-channel-peer", one))).toEqual(["chat/default/linked/ada", "chat/work/person/1"]);
    expect(at("per-channel-peer", person("2"))).toBe("chat/person/2");
    expect(at("per-channel-peer", person("2", "chat", "work"))).toBe("chat/person/2");
    expect([chat, mail].map((one) => at("per-peer", one))).toEqual(["linked/ada", "linked/ada"]);
    // The same id on two services is not the same person.
    expect(at("per-peer", person("7"))).not.toBe(at("per-peer", person("7", "mail")));
    expect(at("main", chat, true)).toBe("main");
    expect(at("main", chat, false)).toBe("chat/default/linked/ada");
    expect(at("main", { ...chat, peer: { kind: "group", id: "1" } }, true)).toBe("chat/default/group/1");
    expect(at("per-peer", { ...chat, thread: "T/1" })).toBe("linked/ada/thread/T%2F1");
  });

  it("is never that of another person whom nobody linked", () => {
    const address = fc.record({
      channel: fc.constantFrom("chat", "mail", "person", "linked"),
      account: fc.constantFrom("default", "linked", "person"),
      peer: fc.record({
        kind: fc.constantFrom("person" as const, "group" as const),
        id: fc.constantFrom("1", "ada", "linked", "person", "a/b", "agent:desk:x"),
      }),
    });
    const scope = fc.constantFrom<DmScope>("main", "per-peer", "per-channel-peer", "per-account-channel-peer");
    fc.assert(
      fc.property(address, address, scope, fc.constantFrom("main", "desk"), (one, other, dmScope, agent) => {
        const [a, b] = [one, other].map((each) => keyOf(agent, conversationOf(each, dmScope, identities, false)));
        const apart =
          dmScope === "per-account-channel-peer" || one.peer.kind === "group" || other.peer.kind === "group"
            ? addressText(one) !== addressText(other)
            : one.channel !== other.channel || one.peer.id !== other.peer.id;
        const linked = [one, other].every(
          (each) => each.peer.kind === "person" && ["chat 1", "mail ada@home"].includes(`${each.channel} ${each.peer.id}`),
        );
        if (apart && !linked) expect(a).not.toBe(b);
        expect(agentIn(a as string)).toBe(agent === "main" ? undefined : agent);
      }),
      { numRuns: 500 },
    );
  });

  it("is shortened where it is longer than a key may be", () => {
    const long = (end: string) => keys({}, person("x".repeat(400) + end));
    expect(long("1").length).toBeLessThanOrEqual(200);
    expect(long("1")).not.toBe(long("2"));
  });
});
