import { rm } from "node:fs/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import { testKey } from "../test-package.ts";
import { listOf } from "./list-of.testing.ts";
import { readEvents } from "./log-writer.ts";
import { type Delegation, rotateKey } from "./publisher-keys.ts";
import { roleKeysFromSeed } from "./roles.ts";
import { HOUR, type Host, SignedRegistry } from "./signed-registry.testing.ts";

type Step =
  | { do: "publish"; name: number }
  | { do: "yank" | "renew" | "rotate-key" | "rotate-root" | "reopen" | "keep" }
  | { do: "wait"; hours: number }
  | { do: "sync"; host: number }
  | { do: "replay" | "rewrite"; copy: number; host: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("publish" as const), name: fc.nat(2) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("yank" as const, "renew" as const, "rotate-key" as const, "rotate-root" as const, "reopen" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("keep" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), hours: fc.integer({ min: 1, max: 48 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("sync" as const), host: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("replay" as const, "rewrite" as const), copy: fc.nat(5), host: fc.nat(1) }) },
);

const ATTACKED = /^PLINTH_(TRUST_ROLLBACK|TRUST_FROZEN|TRUST_THRESHOLD|TRUST_MIX|LOG_FORK|LOG_SHRUNK)$/;

/** A registry, two hosts, and somebody who can put older states of the folder back or rewrite its past with its own keys. */
class History {
  registry!: SignedRegistry;
  hosts!: Host[];
  published = 0;
  versions: [id: string, version: string][] = [];
  key = 1;
  root = 0;
  copies: { dir: string; events: number; root: number; key: number }[] = [];
  events: string[] = [];
  seen: { size: number; timestamp: number }[] = [
    { size: 0, timestamp: 0 },
    { size: 0, timestamp: 0 },
  ];

  async run(steps: readonly Step[]): Promise<void> {
    this.registry = await SignedRegistry.make();
    this.hosts = [this.registry.host(), this.registry.host()];
    try {
      await this.publish(0);
      for (const one of steps) await this.take(one);
      for (const host of [0, 1]) await this.sync(host);
    } finally {
      for (const dir of [this.registry.dir, ...this.copies.map((copy) => copy.dir)]) await rm(dir, { recursive: true, force: true });
    }
  }

  async take(one: Step): Promise<void> {
    const { registry } = this;
    if (one.do === "publish") await this.publish(one.name);
    else if (one.do === "yank") await registry.yank(...this.versions.at(-1)!, "x", testKey("demo", this.key));
    else if (one.do === "renew") await registry.trust.renew();
    else if (one.do === "reopen") await registry.reopen.call(Object.assign(registry, { keys: this.roleKeys() }));
    else if (one.do === "wait") {
      registry.now += one.hours * HOUR;
      await registry.trust.renew();
    } else if (one.do === "rotate-key") {
      const delegation: Delegation = (await registry.json("keys/demo.json")).signed;
      const link = rotateKey(delegation, testKey("demo", this.key), testKey("demo", ++this.key), "2026-03-01T00:00:00.000Z");
      await registry.commit({ type: "key", publisher: "demo", link });
    } else if (one.do === "rotate-root") {
      const before = this.roleKeys().root;
      this.root++;
      await registry.trust.rotateRoot(this.roleKeys(), before);
    } else if (one.do === "keep") this.copies.push({ dir: await registry.copy(), events: this.events.length, root: this.root, key: this.key });
    else if (one.do === "sync") await this.sync(one.host);
    else if (one.do === "replay" || one.do === "rewrite") await this.attack(one);
    await this.grown();
  }

  /** The log of the real registry only grows. */
  async grown(): Promise<void> {
    const events = await listOf(readEvents(this.registry.dir, await this.size()));
    expect(events.slice(0, this.events.length)).toEqual(this.events);
    this.events = events;
  }

  async size(): Promise<number> {
    const { snapshot } = (await this.registry.json("trust/timestamp.json")).signed;
    return Number((await this.registry.json(`trust/snapshot/${snapshot.sha256}.json`)).signed.checkpoint.split("\n")[1]);
  }

  async publish(name: number): Promise<void> {
    const id = `demo.p${name}`;
    const version = `1.0.${this.published++}`;
    await this.registry.publish(id, version, testKey("demo", this.key));
    this.versions.push([id, version]);
  }

  /** An honest registry is always followed to its newest state. */
  async sync(at: number): Promise<void> {
    this.registry.now += 2 * 60_000;
    const [id, version] = this.versions.at(-1)!;
    await this.hosts[at]!.client().download(id, version);
    this.remembers(at);
    expect(this.seen[at]!.size).toBe(await this.size());
  }

  /** What a host remembers only moves on, unless a new root has replaced the keys that the numbers belong to. */
  remembers(at: number): void {
    const { head, timestamp, root } = this.hosts[at]!.kept.state!;
    expect(head.size).toBeGreaterThanOrEqual(this.seen[at]!.size);
    expect(root.signed.version).toBeLessThanOrEqual(this.root + 1);
    this.seen[at] = { size: head.size, timestamp };
  }

  async attack(one: Extract<Step, { copy: number }>): Promise<void> {
    const copy = this.copies[one.copy];
    const host = this.hosts[one.host]!;
    if (copy === undefined || host.kept.state === undefined) return;
    const now = await this.registry.copy();
    const { trust } = this.registry;
    const before = structuredClone(host.kept.state);
    await this.registry.restore(copy.dir);
    if (one.do === "rewrite" && copy.root === this.root) {
      await this.registry.publish("demo.forged", "1.0.0", testKey("demo", copy.key));
      for (let count = 0; count < this.published + 20; count++) await this.registry.trust.renew();
    }
    const outcome = await host
      .client()
      .versions("demo.p0")
      .then(
        () => undefined,
        (error: { code: string }) => error.code,
      );
    // Only a state in which nothing that the host knows is missing or other may be accepted.
    if (outcome === undefined) expect(before.head.size).toBeLessThanOrEqual(copy.events);
    else expect(outcome).toMatch(ATTACKED);
    if (outcome !== undefined) expect(host.kept.state!.head).toEqual(before.head);
    host.kept.state = before;
    await this.registry.restore(now);
    await rm(now, { recursive: true });
    this.registry.trust = trust;
  }

  roleKeys() {
    return roleKeysFromSeed(this.root === 0 ? "test" : `test ${this.root}`);
  }
}

it("through any history the log only grows, and a host goes along with the honest registry and never back", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 12 }), async (steps) => {
      await new History().run(steps);
    }),
    { numRuns: 12, endOnFailure: true },
  );
});
