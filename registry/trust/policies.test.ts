import type { Advisory, Manifest } from "@plinth/manifests";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testManifest } from "../test-package.ts";
import { type AdvisoryPolicy, adviseOn, advisoryAction } from "./advisory-policy.ts";
import { ageFinding, downgradeFindings, edgeFindings, type ReleasePolicy, type TrustEvidence } from "./release-policy.ts";

const advisory = (more: Partial<Advisory> = {}): Advisory => ({
  id: "PLA-2026-0001",
  package: "demo.weather",
  affected: ">=1.0.0 <1.2.0",
  severity: "high",
  title: "It sends the owner's notes away",
  action: "remove",
  at: "2026-03-01T00:00:00.000Z",
  ...more,
});
const installed = (version = "1.1.0", id = "demo.weather") => ({ id, version });

describe("what a host does about an advisory", () => {
  it.each<[Partial<Advisory>, AdvisoryPolicy, string]>([
    [{}, {}, "disable"],
    [{ severity: "critical" }, {}, "disable"],
    [{ severity: "medium" }, {}, "warn"],
    [{ severity: "low" }, { warnFrom: "medium" }, "none"],
    [{}, { removeFrom: "high" }, "remove"],
    [{ action: "warn" }, { removeFrom: "low" }, "warn"],
    [{}, { disableFrom: "never" }, "warn"],
    [{}, { disableFrom: "never", warnFrom: "never" }, "none"],
    [{}, { ignore: ["PLA-2026-0001"] }, "none"],
    [{}, { ignore: ["demo.weather@PLA-2026-0001"] }, "none"],
    [{}, { ignore: ["demo.other@PLA-2026-0001"] }, "disable"],
    [{ retracted: "It was a mistake" }, {}, "none"],
    [{ package: "demo.other" }, {}, "none"],
  ])("%j under %j: %s", (more, policy, action) => {
    expect(advisoryAction(advisory(more), installed(), policy)).toBe(action);
  });

  it.each([
    ["1.0.0", true],
    ["1.1.9", true],
    ["1.1.0-beta.1", true],
    ["1.2.0", false],
    ["0.9.0", false],
  ])("is decided by the version: %s", (version, affected) => {
    expect(advisoryAction(advisory(), installed(version)) !== "none").toBe(affected);
  });

  it("never goes beyond what the registry advises nor beyond what the operator allows", () => {
    const severity = fc.constantFrom("low" as const, "medium" as const, "high" as const, "critical" as const);
    const from = fc.oneof(severity, fc.constant("never" as const));
    const order = ["none", "warn", "disable", "remove"];
    fc.assert(
      fc.property(
        severity,
        fc.constantFrom("warn" as const, "disable" as const, "remove" as const),
        from,
        from,
        from,
        (grave, hint, warnFrom, disableFrom, removeFrom) => {
          const action = advisoryAction(advisory({ severity: grave, action: hint }), installed(), { warnFrom, disableFrom, removeFrom });
          expect(order.indexOf(action)).toBeLessThanOrEqual(order.indexOf(hint));
          if (removeFrom === "never") expect(action).not.toBe("remove");
          if (removeFrom === "never" && disableFrom === "never") expect(action).not.toBe("disable");
        },
      ),
    );
  });

  it("is told with reason and repair, the gravest first", () => {
    const feed = {
      type: "advisories" as const,
      version: 1,
      advisories: [advisory({ id: "PLA-1000", severity: "low" }), advisory({ id: "PLA-2000", fixed: "1.2.0" })],
      withdrawn: [{ id: "demo.weather", version: "1.1.0", reason: "It loses data", at: "2026-03-01T00:00:00.000Z" }],
    };
    const findings = adviseOn(feed, [installed(), installed("1.1.0", "demo.other")]);
    expect(findings.map(({ action }) => action)).toEqual(["disable", "warn", "warn"]);
    expect(findings[0]!.message).toBe("demo.weather 1.1.0: It sends the owner's notes away (high, PLA-2000). It is repaired in 1.2.0.");
    expect(findings[2]!.message).toContain("It loses data");
    expect(adviseOn(feed, [installed()], { withdrawn: "none", warnFrom: "never", disableFrom: "never" })).toEqual([]);
  });
});

describe("a version's age", () => {
  const now = new Date("2026-03-02T00:00:00.000Z");
  const entry = (publishedAt: string, log?: string) => ({
    version: "1.0.0",
    publishedAt,
    ...(log === undefined ? {} : { log: { index: 0, at: log } }),
  });
  const code = (of: ReturnType<typeof entry>, policy: ReleasePolicy = {}, registry = "sample") =>
    ageFinding("demo.weather", of, { policy, registry, now })?.code;

  it("counts from when the registry let it in, not from what the publisher says", () => {
    expect(code(entry("2020-01-01T00:00:00.000Z", "2026-03-01T23:00:00.000Z"))).toBe("PLINTH_RELEASE_YOUNG");
    expect(code(entry("2026-03-01T00:00:00.000Z"))).toBeUndefined();
    expect(code(entry("2026-03-01T00:00:00.001Z"))).toBe("PLINTH_RELEASE_YOUNG");
  });

  it("that cannot be told or lies ahead is none", () => {
    expect(code(entry("yesterday"))).toBe("PLINTH_RELEASE_YOUNG");
    expect(code(entry("2030-01-01T00:00:00.000Z"))).toBe("PLINTH_RELEASE_YOUNG");
  });

  it.each<[ReleasePolicy]>([[{ minimumAgeMs: 0 }], [{ exempt: ["sample"] }], [{ exempt: ["demo.*"] }], [{ exempt: ["demo.weather"] }]])(
    "does not matter under %j",
    (policy) => {
      expect(code(entry("2026-03-02T00:00:00.000Z"), policy)).toBeUndefined();
    },
  );

  it("is not spared by an exemption of somebody else", () => {
    expect(code(entry("2026-03-02T00:00:00.000Z"), { exempt: ["other", "demo.weathe", "dem.*"] })).toBe("PLINTH_RELEASE_YOUNG");
  });
});

describe("an update", () => {
  const known: TrustEvidence = { publisher: "demo", registry: "sample", keyId: "a", logged: true, provenance: "github.com/demo/weather" };
  const lost = (update: Partial<TrustEvidence>, followed = false, policy: ReleasePolicy = {}) =>
    downgradeFindings("demo.weather", known, { ...known, ...update }, { policy, followed }).map(({ message }) => message);

  it.each<[string, Partial<TrustEvidence>]>([
    ["is not signed any more", { keyId: undefined as never }],
    ["is signed with a key that does not follow", { keyId: "b" }],
    ["comes from the registry other", { registry: "other" }],
    ["comes from no registry", { registry: undefined as never }],
    ["comes from acme", { publisher: "acme" }],
    ["is in no log any more", { logged: false }],
    ["does not say any more where it was built", { provenance: undefined as never }],
    ["was built elsewhere", { provenance: "github.com/evil/weather" }],
  ])("that %s is a downgrade", (words, update) => {
    expect(lost(update)).toMatchObject([expect.stringContaining(words)]);
    expect(lost(update, false, { noDowngrade: false })).toEqual([]);
  });

  it("that is vouched for as before, or better, or by a key that followed, is none", () => {
    expect(lost({})).toEqual([]);
    expect(lost({ keyId: "b" }, true)).toEqual([]);
    const plain: TrustEvidence = { publisher: "demo", logged: false };
    expect(downgradeFindings("demo.weather", plain, known, { policy: {}, followed: false })).toEqual([]);
  });

  it("that is a patch and needs something new is told", () => {
    const from = testManifest("demo.weather", "1.0.0", { extensions: { "demo.clock": "^1" } }) as Manifest;
    const to = (version: string) =>
      testManifest("demo.weather", version, {
        extensions: { "demo.clock": "^1", "demo.dice": "^1" },
        uses: [{ contract: "plinth.tool", range: "^1" }],
      }) as Manifest;
    expect(edgeFindings(from, to("1.0.1")).map(({ message }) => /needs (\S+),/.exec(message)![1])).toEqual(["demo.dice", "plinth.tool"]);
    expect(edgeFindings(from, to("1.1.0"))).toEqual([]);
  });
});
